// What touches each element once: embedding, RMS norm, bias, SwiGLU's product, random fill, conversions for loading.
// builds: DTYPE=0,1,2 arch=80,86,89,90a,100,120
//
// All are bound by bandwidth: the floor is bytes / 3.35 TB/s on an H100. Per element of the output: embed sizeof(T) + 4 bytes, rms_norm 4 + sizeof(T),
// add_bias 2 * sizeof, silu_mul 3 * sizeof(T). Matrices are row-major and dense. Each kernel takes rows of any length: where addresses and columns allow,
// in vectors of 16 bytes, else element by element. Measured on an H100, bf16, 8192 rows: embed 2.29, rms_norm 2.76, add_bias 2.61 to 2.76,
// silu_mul 2.88 TB/s, where a copy reaches 3.00. Figures: docs/kernels/misc.md.
#include "common.cuh"

// x[r] = table[ids[r]], x float32 [rows, columns]. Grid (rows, ceil(columns / (128 * VECTOR))), block 128. A thread moves one vector and a warp 512 bytes in a
// row, so that a table in pinned host memory is read over PCIe in full requests.
extern "C" __global__ void __launch_bounds__(128) embed(float* x, const int* ids, const T* table, int rows, int columns) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    const T* from = table + (long long)ids[blockIdx.x] * columns;
    float* to = x + (long long)blockIdx.x * columns;
    const int first = blockIdx.y * (128 * VECTOR);
    if (columns % VECTOR == 0 && aligned16(table) && aligned16(x)) {
        const int c = first + threadIdx.x * VECTOR;
        if (c < columns) {
            float v[VECTOR];
            load_vector(v, from + c);
#pragma unroll
            for (int i = 0; i < VECTOR; i += 4) *(float4*)(to + c + i) = make_float4(v[i], v[i + 1], v[i + 2], v[i + 3]);
        }
    } else {
        const int end = min(columns, first + 128 * VECTOR);
        for (int c = first + threadIdx.x; c < end; c += 128) to[c] = to_float(from[c]);
    }
}

// out[r] = x[r] / sqrt(mean(x[r]^2) + epsilon) * gain. Grid (rows), block a multiple of 32 up to 1024. The first KEPT vectors of each thread stay in registers
// between the two passes; longer rows are read again, from L2.
extern "C" __global__ void __launch_bounds__(1024) rms_norm(T* out, const float* x, const float* gain, int rows, int columns, float epsilon) {
    constexpr int KEPT = 4;
    const float* from = x + (long long)blockIdx.x * columns;
    T* to = out + (long long)blockIdx.x * columns;
    const int threads = blockDim.x;
    start_kernel_behind();
    float squares = 0.0f;
    if (columns % 4 == 0 && aligned16(x) && aligned16(out) && aligned16(gain)) {
        const int vectors = columns / 4;
        float4 kept[KEPT], gains[KEPT];
        const float4 zeros = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll
        for (int i = 0; i < KEPT; i++) {
            const int v = threadIdx.x + i * threads;
            gains[i] = v < vectors ? ((const float4*)gain)[v] : zeros; // no kernel writes gains: their latency passes while the kernel ahead ends
        }
        wait_for_kernel_ahead();
#pragma unroll
        for (int i = 0; i < KEPT; i++) {
            const int v = threadIdx.x + i * threads;
            kept[i] = v < vectors ? ((const float4*)from)[v] : zeros;
        }
#pragma unroll
        for (int i = 0; i < KEPT; i++) {
            squares += kept[i].x * kept[i].x + kept[i].y * kept[i].y + kept[i].z * kept[i].z + kept[i].w * kept[i].w;
        }
        for (int v = threadIdx.x + KEPT * threads; v < vectors; v += threads) {
            const float4 a = ((const float4*)from)[v];
            squares += a.x * a.x + a.y * a.y + a.z * a.z + a.w * a.w;
        }
        const float scale = 1.0f / sqrtf(block_sum(squares) / columns + epsilon);
        // v is the vector, a its values, g their gains.
        auto put = [&](int v, float4 a, float4 g) {
            store4(to + 4 * v, make_float4(a.x * scale * g.x, a.y * scale * g.y, a.z * scale * g.z, a.w * scale * g.w));
        };
#pragma unroll
        for (int i = 0; i < KEPT; i++) {
            if (threadIdx.x + i * threads < vectors) put(threadIdx.x + i * threads, kept[i], gains[i]);
        }
        for (int v = threadIdx.x + KEPT * threads; v < vectors; v += threads) put(v, ((const float4*)from)[v], ((const float4*)gain)[v]);
    } else {
        wait_for_kernel_ahead();
        for (int c = threadIdx.x; c < columns; c += threads) squares += from[c] * from[c];
        const float scale = 1.0f / sqrtf(block_sum(squares) / columns + epsilon);
        for (int c = threadIdx.x; c < columns; c += threads) to[c] = from_float(from[c] * scale * gain[c]);
    }
}

// out[r] += bias. Grid (rows, ceil(columns / (128 * VECTOR))), block 128.
extern "C" __global__ void __launch_bounds__(128) add_bias_t(T* out, const float* bias, int rows, int columns) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    T* to = out + (long long)blockIdx.x * columns;
    const int first = blockIdx.y * (128 * VECTOR);
    if (columns % VECTOR == 0 && aligned16(out) && aligned16(bias)) {
        const int c = first + threadIdx.x * VECTOR;
        if (c < columns) {
            float v[VECTOR];
            load_vector(v, to + c);
#pragma unroll
            for (int i = 0; i < VECTOR; i += 4) {
                const float4 b = *(const float4*)(bias + c + i);
                v[i] += b.x;
                v[i + 1] += b.y;
                v[i + 2] += b.z;
                v[i + 3] += b.w;
            }
            store_vector(to + c, v);
        }
    } else {
        const int end = min(columns, first + 128 * VECTOR);
        for (int c = first + threadIdx.x; c < end; c += 128) to[c] = from_float(to_float(to[c]) + bias[c]);
    }
}

// out[r] += bias in float32. Grid (rows, ceil(columns / 512)), block 128.
extern "C" __global__ void __launch_bounds__(128) add_bias_f(float* out, const float* bias, int rows, int columns) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    float* to = out + (long long)blockIdx.x * columns;
    const int first = blockIdx.y * 512;
    if (columns % 4 == 0 && aligned16(out) && aligned16(bias)) {
        const int c = first + threadIdx.x * 4;
        if (c < columns) {
            const float4 v = *(const float4*)(to + c), b = *(const float4*)(bias + c);
            *(float4*)(to + c) = make_float4(v.x + b.x, v.y + b.y, v.z + b.z, v.w + b.w);
        }
    } else {
        const int end = min(columns, first + 512);
        for (int c = first + threadIdx.x; c < end; c += 128) to[c] += bias[c];
    }
}

// The division is good to 2 ulp, and 0 where exp(-x) overflows.
__device__ __forceinline__ float silu(float x) {
    return __fdividef(x, 1.0f + expf(-x));
}

// out[r][c] = silu(gate) * up with gateUp[r] = gate [inner], then up [inner]. Grid (rows, ceil(inner / (256 * VECTOR))), block 256.
extern "C" __global__ void __launch_bounds__(256) silu_mul(T* out, const T* gateUp, int rows, int inner) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    const T* gate = gateUp + (long long)blockIdx.x * 2 * inner;
    const T* up = gate + inner;
    T* to = out + (long long)blockIdx.x * inner;
    const int first = blockIdx.y * (256 * VECTOR);
    if (inner % VECTOR == 0 && aligned16(gateUp) && aligned16(out)) {
        const int c = first + threadIdx.x * VECTOR;
        if (c < inner) {
            float g[VECTOR], u[VECTOR];
            load_vector(g, gate + c);
            load_vector(u, up + c);
#pragma unroll
            for (int i = 0; i < VECTOR; i++) g[i] = silu(g[i]) * u[i];
            store_vector(to + c, g);
        }
    } else {
        const int end = min(inner, first + 256 * VECTOR);
        for (int c = first + threadIdx.x; c < end; c += 256) to[c] = from_float(silu(to_float(gate[c])) * to_float(up[c]));
    }
}

// Uniform in (-1, 1), from the counter alone (splitmix64 of seed and index), so that every run, grid and card gives the same numbers. The 2^23 values are odd
// multiples of 2^-23: exact in float32 and never 0.
__device__ __forceinline__ float uniform(long long seed, long long index) {
    u64 z = (u64)seed + ((u64)index + 1) * 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    return (float)(2 * (u32)(z >> 41) + 1) * 0x1p-23f - 1.0f;
}

// A uniform distribution in +-a has the deviation a / sqrt(3).
constexpr float SQRT_3 = 1.7320508f;

// Grid min(ceil(count / 256), 65536), block 256; so are the conversions, by 8 elements a thread.
extern "C" __global__ void __launch_bounds__(256) fill_random(T* out, long long count, long long seed, float deviation) {
    for (long long i = blockIdx.x * 256ll + threadIdx.x; i < count; i += gridDim.x * 256ll) out[i] = from_float(uniform(seed, i) * (SQRT_3 * deviation));
}

extern "C" __global__ void __launch_bounds__(256) fill_random_f(float* out, long long count, long long seed, float deviation) {
    for (long long i = blockIdx.x * 256ll + threadIdx.x; i < count; i += gridDim.x * 256ll) out[i] = uniform(seed, i) * (SQRT_3 * deviation);
}

struct F32 {
    typedef float Stored;
    static __device__ __forceinline__ float widen(float v) { return v; }
};

struct F16 {
    typedef u16 Stored;
    static __device__ __forceinline__ float widen(u16 v) { return half_to_float(v); }
};

struct Bf16 {
    typedef u16 Stored;
    static __device__ __forceinline__ float widen(u16 v) { return bf16_to_float(v); }
};

__device__ __forceinline__ void narrow(float* to, float v) {
    *to = v;
}

#if DTYPE != 0
__device__ __forceinline__ void narrow(T* to, float v) {
    *to = from_float(v);
}
#endif

// out[i] = in[i] by way of float32, which holds every f16 and bf16. Eight elements a thread, as one or two 16-byte loads and stores where both ends are aligned.
template <class From, class To>
__device__ __forceinline__ void convert(To* out, const void* source, long long count) {
    typedef typename From::Stored Stored;
    const Stored* in = (const Stored*)source;
    const long long thread = blockIdx.x * 256ll + threadIdx.x, threads = gridDim.x * 256ll;
    long long done = 0;
    if (aligned16(out) && aligned16(in)) {
        struct alignas(16) Eight {
            Stored v[8];
        };
        struct alignas(16) EightOut {
            To v[8];
        };
        done = count / 8 * 8;
        for (long long group = thread; group < count / 8; group += threads) {
            const Eight from = ((const Eight*)in)[group];
            EightOut to;
#pragma unroll
            for (int i = 0; i < 8; i++) narrow(&to.v[i], From::widen(from.v[i]));
            ((EightOut*)out)[group] = to;
        }
    }
    for (long long i = done + thread; i < count; i += threads) narrow(&out[i], From::widen(in[i]));
}

extern "C" __global__ void __launch_bounds__(256) f32_to_t(T* out, const void* in, long long count) {
    convert<F32>(out, in, count);
}

extern "C" __global__ void __launch_bounds__(256) f16_to_t(T* out, const void* in, long long count) {
    convert<F16>(out, in, count);
}

extern "C" __global__ void __launch_bounds__(256) bf16_to_t(T* out, const void* in, long long count) {
    convert<Bf16>(out, in, count);
}

extern "C" __global__ void __launch_bounds__(256) f32_to_f(float* out, const void* in, long long count) {
    convert<F32>(out, in, count);
}

extern "C" __global__ void __launch_bounds__(256) f16_to_f(float* out, const void* in, long long count) {
    convert<F16>(out, in, count);
}

extern "C" __global__ void __launch_bounds__(256) bf16_to_f(float* out, const void* in, long long count) {
    convert<Bf16>(out, in, count);
}
