// Checks and times the decode products of packed.cu with weights of one form on a GPU. Built once a form and run by packed.sh.
//
// Weights are random bytes with small scales, in the kernels' own layout. Checks: products of one row are those of the first of several rows to the last
// bit, and near float64 loops over the rows that packed_embed makes. Times: the matrices of an 8B shape (Llama 3.1), a row each, launched to overlap as the
// engine does; each launch reads another copy, so that none comes from L2.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include <packed.cu> // of the backend: packed.sh names its folder

static void check(cudaError_t error, const char* what) {
    if (error != cudaSuccess) {
        printf("%s: %s\n", what, cudaGetErrorString(error));
        exit(2);
    }
}
#define CHECK(call) check(call, #call)

static const char* const NAMES[] = {"int8", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"};
static const int SHARED_BYTES = WARPS * STAGES * PIECE_BYTES;

static int up(long long a, long long b) {
    return (int)((a + b - 1) / b);
}

// Random quants; scales about 2^-7 and 2^-10, so that sums stay small.
__global__ void fill(char* w, long long pieces, u32 seed) {
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < pieces * PIECE_BYTES / 4; i += (long long)gridDim.x * blockDim.x) {
        u32 x = (u32)i * 2654435761u + seed + (u32)(i >> 32);
        x ^= x >> 16;
        x *= 0x85ebca6bu;
        x ^= x >> 13;
        x *= 0xc2b2ae35u;
        x ^= x >> 16;
        const int at = (int)(i * 4 % PIECE_BYTES);
        const bool halves = SCALING == D || SCALING == DM ? at >= SCALE_START : (SCALING == K || SCALING == SIX) && at >= SECOND_START;
        if (halves) x = (x & 0x03ff03ffu) | (SCALING == K || SCALING == SIX ? 0x14001400u : 0x20002000u);
        if (SCALING == K && at >= SCALE_START && at < SECOND_START) x &= 0x3f3f3f3fu;
        ((u32*)w)[i] = x;
    }
}

__global__ void fill_floats(float* to, int n, float value) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) to[i] = value * (1 + i % 7);
}

__global__ void read_all(const uint4* from, long long n, u32* out) {
    u32 x = 0;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
        const uint4 v = __ldcs(from + i);
        x ^= v.x ^ v.y ^ v.z ^ v.w;
    }
    if (x == 0x12345678u) *out = x;
}

struct Matrix {
    const char* name;
    int parts, n, k;
};

static int resident_blocks, multiprocessors;

// As io.sliminfer.cuda.PackedKernels#grid.
static int grid(long long tileBytes, int n) {
    const int resident = resident_blocks * multiprocessors, tiles = up(n, TILE_ROWS);
    const int together = std::max(1, (int)llround((double)(128 << 10) / tileBytes));
    return tiles < 2 * resident ? std::min(tiles, resident) : std::max(std::min(tiles, 2 * resident), up(tiles, together));
}

static long long bytes_of(const Matrix& m) {
    return (long long)m.parts * up(m.n, TILE_ROWS) * up(m.k, PIECE) * PIECE_BYTES;
}

static void launch(const Matrix& m, void* out, const T* in, const char* w, const float* scales, int rows) {
    cudaLaunchAttribute overlap = {};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid((long long)m.parts * up(m.k, PIECE) * PIECE_BYTES, m.n);
    config.blockDim = 32 * WARPS;
    config.dynamicSmemBytes = SHARED_BYTES;
    config.attrs = &overlap;
    config.numAttrs = 1;
    const char* second = w + bytes_of(m) / 2;
    const float* none = nullptr;
#if HAS_ONE
    if (rows == 1) {
        config.dynamicSmemBytes = WARPS * ONE_STAGES * PIECE_BYTES;
        if (m.parts == 2) {
            CHECK(cudaLaunchKernelEx(&config, packed_one_gated, (T*)out, in, w, second, scales, scales, none, rows, m.n, m.k));
        } else {
            CHECK(cudaLaunchKernelEx(&config, packed_one_f, (float*)out, in, w, scales, none, rows, m.n, m.k, m.n));
        }
        return;
    }
#endif
    if (m.parts == 2) {
        CHECK(cudaLaunchKernelEx(&config, packed_gated, (T*)out, in, w, second, scales, scales, none, rows, m.n, m.k));
    } else {
        CHECK(cudaLaunchKernelEx(&config, packed_f, (float*)out, in, w, scales, none, rows, m.n, m.k, m.n));
    }
}

static float bf16(u16 v) {
    u32 bits = (u32)v << 16;
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

int main() {
    cudaDeviceProp device;
    CHECK(cudaGetDeviceProperties(&device, 0));
    multiprocessors = device.multiProcessorCount;
    CHECK(cudaFuncSetAttribute(packed_f, cudaFuncAttributeMaxDynamicSharedMemorySize, SHARED_BYTES));
    CHECK(cudaFuncSetAttribute(packed_gated, cudaFuncAttributeMaxDynamicSharedMemorySize, SHARED_BYTES));
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident_blocks, packed_f, 32 * WARPS, SHARED_BYTES));
#if HAS_ONE
    const int oneBytes = WARPS * ONE_STAGES * PIECE_BYTES;
    CHECK(cudaFuncSetAttribute(packed_one_f, cudaFuncAttributeMaxDynamicSharedMemorySize, oneBytes));
    CHECK(cudaFuncSetAttribute(packed_one_gated, cudaFuncAttributeMaxDynamicSharedMemorySize, oneBytes));
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident_blocks, packed_one_f, 32 * WARPS, oneBytes));
#endif

    const long long POOL = 3LL << 30;
    char* pool;
    CHECK(cudaMalloc(&pool, POOL));
    fill<<<4096, 256>>>(pool, POOL / PIECE_BYTES, 20261126);
    float *scales, *outs;
    T* ins;
    CHECK(cudaMalloc(&scales, 1 << 20));
    fill_floats<<<64, 256>>>(scales, (1 << 20) / 4, 1.0f / 4096);
    CHECK(cudaMalloc(&outs, 8 << 20));
    const int K_MAX = 14336;
    std::mt19937 random(7);
    std::vector<u16> in(8 * K_MAX);
    for (u16& v : in) v = (u16)(0x3f00 | (random() & 0x80ff)); // +-0.5 .. 2
    CHECK(cudaMalloc(&ins, in.size() * 2));
    CHECK(cudaMemcpy(ins, in.data(), in.size() * 2, cudaMemcpyHostToDevice));
    cudaEvent_t from, to;
    CHECK(cudaEventCreate(&from));
    CHECK(cudaEventCreate(&to));

    bool failed = false;
    const Matrix odd[] = {{"", 1, 131, 4096}, {"", 1, 40, 288}, {"", 1, 4096, 4096}, {"", 2, 500, 2080}};
    for (const Matrix& m : odd) {
        // Of gate and up only the equality of bits: the rest is the same code.
        const size_t bytes = (size_t)m.n * 8 * 4;
        std::vector<char> one(bytes), several(bytes);
        CHECK(cudaMemset(outs, 255, 8 << 20));
        launch(m, outs, ins, pool, scales, 1);
        CHECK(cudaDeviceSynchronize());
        CHECK(cudaMemcpy(one.data(), outs, bytes, cudaMemcpyDeviceToHost));
        CHECK(cudaMemset(outs, 255, 8 << 20));
        launch(m, outs, ins, pool, scales, 5);
        CHECK(cudaDeviceSynchronize());
        CHECK(cudaMemcpy(several.data(), outs, bytes, cudaMemcpyDeviceToHost));
        const int size = m.parts == 2 ? sizeof(T) : sizeof(float);
        int differing = 0;
        for (int r = 0; r < m.n; r++) differing += memcmp(&one[size * r], &several[size * r], size) != 0;
        double error = 0, signal = 0;
        if (m.parts == 1) {
            std::vector<int> ids(m.n);
            for (int r = 0; r < m.n; r++) ids[r] = r;
            int* deviceIds;
            float* table;
            CHECK(cudaMalloc(&deviceIds, m.n * 4));
            CHECK(cudaMalloc(&table, (size_t)m.n * m.k * 4));
            CHECK(cudaMemcpy(deviceIds, ids.data(), m.n * 4, cudaMemcpyHostToDevice));
            packed_embed<<<dim3(m.n, up(m.k, 256)), 32>>>(table, deviceIds, pool, scales, m.n, m.k);
            std::vector<float> weights((size_t)m.n * m.k);
            CHECK(cudaMemcpy(weights.data(), table, weights.size() * 4, cudaMemcpyDeviceToHost));
            for (int i = 0; i < 5; i++) {
                for (int r = 0; r < m.n; r++) {
                    double sum = 0;
                    for (int c = 0; c < m.k; c++) sum += (double)weights[(size_t)r * m.k + c] * bf16(in[(size_t)i * m.k + c]);
                    const double difference = ((const float*)several.data())[(size_t)i * m.n + r] - sum;
                    error += difference * difference;
                    signal += sum * sum;
                }
            }
            CHECK(cudaFree(deviceIds));
            CHECK(cudaFree(table));
            error = sqrt(error / signal);
        }
        const bool wrong = differing > 0 || !(error < 2e-6);
        failed |= wrong;
        printf("check %-5s %d x %d x %d: %d rows differ, error %.1e%s\n", NAMES[FORM], m.parts, m.n, m.k, differing, error, wrong ? " FAIL" : "");
    }

    std::vector<double> rates;
    for (int i = 0; i < 5; i++) {
        CHECK(cudaEventRecord(from));
        read_all<<<multiprocessors * 16, 512>>>((const uint4*)pool, POOL / 16, (u32*)outs);
        CHECK(cudaEventRecord(to));
        CHECK(cudaEventSynchronize(to));
        float ms;
        CHECK(cudaEventElapsedTime(&ms, from, to));
        rates.push_back(POOL / 1e9 / ms);
    }
    std::sort(rates.begin(), rates.end());
    const double reading = rates[2];

    const Matrix matrices[] = {{"qkv", 1, 6144, 4096}, {"o", 1, 4096, 4096}, {"gate, up", 2, 14336, 4096}, {"down", 1, 4096, 14336}, {"head", 1, 128256, 4096}};
    double layer = 0, layerBytes = 0;
    for (const Matrix& m : matrices) {
        const long long bytes = bytes_of(m), copies = POOL / bytes;
        const int launches = (int)std::max(10LL, (4LL << 30) / bytes);
        std::vector<double> times;
        for (int round = 0; round < 6; round++) {
            CHECK(cudaEventRecord(from));
            for (int i = 0; i < launches; i++) launch(m, outs, ins, pool + i % copies * bytes, scales, 1);
            CHECK(cudaEventRecord(to));
            CHECK(cudaEventSynchronize(to));
            float ms;
            CHECK(cudaEventElapsedTime(&ms, from, to));
            if (round > 0) times.push_back(ms * 1000 / launches);
        }
        std::sort(times.begin(), times.end());
        const double us = times[2];
        printf("time %-5s %-9s %7.1f us  %.2f TB/s  %3.0f %% of reading (%.2f)\n", NAMES[FORM], m.name, us, bytes / us / 1e6, 100 * bytes / us / 1e6 / reading, reading);
        if (m.n != 128256) {
            layer += us;
            layerBytes += bytes;
        }
    }
    printf("time %-5s %-9s %7.1f us  %.2f TB/s  %3.0f %% of reading; %s, %d blocks a multiprocessor\n", NAMES[FORM], "a layer", layer, layerBytes / layer / 1e6,
           100 * layerBytes / layer / 1e6 / reading, device.name, resident_blocks);
    return failed;
}
