// Splits qkv into heads, normalises q and k heads where gains are given, rotates them by position, and stores q, and k and v into the KV pool.
// builds: DTYPE=0,1,2 HEAD_DIM=32,64,80,96,128 arch=80,86,89,90a,100,120
// builds: DTYPE=0,1,2 HEAD_DIM=2,250,256 arch=80,90a
//
//   y = x / sqrt(mean(x^2) + epsilon) * gain      (q with queryGain, k with keyGain; where null, y = x)
//   out[i] = y[i] cos - y[half + i] sin, out[half + i] = y[half + i] cos + y[i] sin, with cos = rope[position][i], sin = rope[position][half + i]
//
// qkv float32 [rows, (heads + 2 * kvHeads) * HEAD_DIM], q T [rows, heads * HEAD_DIM], kv and view as in docs/cuda.md. HEAD_DIM is even and at most 256.
// Grid (rows, any), block 256. LANES threads share a head, a block's threads walk the heads of its row, so that a thread's cos and sin serve all its heads.
// A row that no sequence of the view holds is padding of a captured step: its q is written, its k and v are not.
//
// Bytes: (heads + 2 * kvHeads) * HEAD_DIM * (4 + sizeof(T)) a row; 8192 rows of Llama-3.1-8B in bf16 are 302 MB, 90 us at 3.35 TB/s.
// Measured on an H100: 127 us. Figures: docs/kernels/misc.md.
#include "common.cuh"

#ifndef HEAD_DIM
#error "HEAD_DIM is not defined"
#endif
static_assert(HEAD_DIM % 2 == 0 && HEAD_DIM >= 2 && HEAD_DIM <= 256, "the head dimension must be even and at most 256");

constexpr int HALF = HEAD_DIM / 2;
// Pairs that a thread rotates at once: its loads are as many floats wide.
constexpr int PAIRS = HALF % 4 == 0 ? 4 : HALF % 2 == 0 ? 2 : 1;
constexpr int SHARES = HALF / PAIRS;

__device__ constexpr int lanes_of(int shares) {  // NVRTC takes a function without a space for a host function
    int lanes = 1;
    while (lanes < shares && lanes < 32) lanes *= 2;
    return lanes;
}

// Threads of a head, a power of two, so that a warp's shuffles sum over it; some have nothing to do where SHARES is none (HEAD_DIM 80, 96).
constexpr int LANES = lanes_of(SHARES);
constexpr int STEPS = (SHARES + LANES - 1) / LANES;
constexpr int GROUPS = 256 / LANES;

struct Floats {
    float v[PAIRS];
};

__device__ __forceinline__ Floats read(const float* from) {
    Floats to;
    if constexpr (PAIRS == 4) {
        const float4 a = *(const float4*)from;
        to.v[0] = a.x;
        to.v[1] = a.y;
        to.v[2] = a.z;
        to.v[3] = a.w;
    } else if constexpr (PAIRS == 2) {
        const float2 a = *(const float2*)from;
        to.v[0] = a.x;
        to.v[1] = a.y;
    } else {
        to.v[0] = *from;
    }
    return to;
}

__device__ __forceinline__ void write(T* to, const Floats& from) {
    if constexpr (PAIRS == 4) {
        store4(to, make_float4(from.v[0], from.v[1], from.v[2], from.v[3]));
    } else if constexpr (PAIRS == 2) {
#if DTYPE == 0
        *(float2*)to = make_float2(from.v[0], from.v[1]);
#else
        *(u32*)to = pack2(from.v[0], from.v[1]);
#endif
    } else {
        *to = from_float(from.v[0]);
    }
}

// The sequence that holds a row, or -1. All threads of a warp ask for the same row.
__device__ __forceinline__ int sequence_with(const int* view, int row) {
    const int sequences = view[0], lane = threadIdx.x & 31;
    for (int first = 0; first < sequences; first += 32) {
        bool mine = false;
        if (first + lane < sequences) {
            const Sequence sequence = sequence_of(view, first + lane);
            mine = row >= sequence.firstRow && row < sequence.firstRow + sequence.queries;
        }
        const u32 votes = __ballot_sync(0xffffffffu, mine);
        if (votes != 0) return first + __ffs(votes) - 1;
    }
    return -1;
}

extern "C" __global__ void __launch_bounds__(256) rope_store(T* q, char* kv, const float* qkv, const int* positions, const float* rope, const float* queryGain,
        const float* keyGain, float epsilon, const int* view, int rows, int heads, int kvHeads, int block, long long slotBytes) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    const int row = blockIdx.x;
    const int lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
    const int all = heads + 2 * kvHeads;

    // Where the row's token lies: K of KV head 0; V lies kvHeads * block tokens behind K.
    T* keys = nullptr;
    const int index = sequence_with(view, row);
    if (index >= 0) {
        const Sequence sequence = sequence_of(view, index);
        const int token = sequence.tokens - sequence.queries + (row - sequence.firstRow);
        keys = (T*)(kv + sequence.slots[token / block] * slotBytes) + (long long)(token % block) * HEAD_DIM;
    }

    const float* angles = rope + (long long)positions[row] * HEAD_DIM;
    Floats cos[STEPS], sin[STEPS];
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
        const int share = lane + s * LANES;
        if (share < SHARES) {
            cos[s] = read(angles + share * PAIRS);
            sin[s] = read(angles + HALF + share * PAIRS);
        }
    }

    // The bound is the same for all threads of the block, as the shuffles need it.
    for (int first = blockIdx.y * GROUPS; first < all; first += gridDim.y * GROUPS) {
        const int head = first + group;
        const float* from = qkv + ((long long)row * all + head) * HEAD_DIM;
        Floats low[STEPS], high[STEPS];
        float squares = 0.0f;
#pragma unroll
        for (int s = 0; s < STEPS; s++) {
            const int share = lane + s * LANES;
            if (head < all && share < SHARES) {
                low[s] = read(from + share * PAIRS);
                high[s] = read(from + HALF + share * PAIRS);
#pragma unroll
                for (int i = 0; i < PAIRS; i++) squares += low[s].v[i] * low[s].v[i] + high[s].v[i] * high[s].v[i];
            }
        }
        float scale = 1.0f;
        if (queryGain != nullptr || keyGain != nullptr) {
#pragma unroll
            for (int other = LANES / 2; other > 0; other >>= 1) squares += __shfl_xor_sync(0xffffffffu, squares, other);
            scale = 1.0f / sqrtf(squares / HEAD_DIM + epsilon);
        }
        if (head >= all) continue;

        const bool isQuery = head < heads, isKey = !isQuery && head < heads + kvHeads;
        const float* gain = isQuery ? queryGain : isKey ? keyGain : nullptr;
        T* to;
        if (isQuery) {
            to = q + ((long long)row * heads + head) * HEAD_DIM;
        } else if (keys == nullptr) {
            continue;
        } else {
            // K of all KV heads, then V of all: head - heads counts through both.
            to = keys + (long long)(head - heads) * block * HEAD_DIM;
        }
#pragma unroll
        for (int s = 0; s < STEPS; s++) {
            const int share = lane + s * LANES;
            if (share < SHARES) {
                if (gain != nullptr) {
                    const Floats lowGain = read(gain + share * PAIRS), highGain = read(gain + HALF + share * PAIRS);
#pragma unroll
                    for (int i = 0; i < PAIRS; i++) {
                        low[s].v[i] *= scale * lowGain.v[i];
                        high[s].v[i] *= scale * highGain.v[i];
                    }
                }
                if (isQuery || isKey) {
#pragma unroll
                    for (int i = 0; i < PAIRS; i++) {
                        const float a = low[s].v[i], b = high[s].v[i];
                        low[s].v[i] = a * cos[s].v[i] - b * sin[s].v[i];
                        high[s].v[i] = b * cos[s].v[i] + a * sin[s].v[i];
                    }
                }
                write(to + share * PAIRS, low[s]);
                write(to + HALF + share * PAIRS, high[s]);
            }
        }
    }
}
