// Prefill attention in float32: out = softmax(scale * q k^T, causal) v, for one sequence of a view, grouped-query. Plain FMA: exact enough for the golden tests.
// builds: DTYPE=0 HEAD_DIM=64,128 arch=80,86,89,90a,100,120
// builds: DTYPE=0 HEAD_DIM=2,16,34,80,256 arch=80,90a
//
// Layouts: docs/cuda.md. q and out [rows, heads * HEAD_DIM], may be the same memory: a CTA reads its own queries before it writes them and nobody else does.
// KV is read through the slot table, a token at a time, so `block` can be any size. Query i of m over `tokens` tokens sees tokens 0 .. tokens - m + i.
// Rows behind `tokens` are not read (the pool may hold NaN there, or no slot): shared memory gets zeros instead, and their scores are masked by index.
//
// One CTA is TILE_M queries of one head; a thread has rows 4 y .. 4 y + 3 and every 16th column from x on, of the scores and of the output. K, then V of a tile go through one buffer.
// Grid: ceil(queries / TILE_M) * heads, TILE_M = HEAD_DIM > 128 ? 32 : 64, the longest query tiles first. Block: 4 * TILE_M.
// Dynamic shared memory: ((TILE_M + 32) * (HEAD_DIM + 2) + TILE_M * 33) * 4 bytes.
//
// FLOPs 2 * n * n * heads * HEAD_DIM for n queries over n tokens; the floor is the FMA rate (67 TFLOP/s on an H100). Reaches 20 there
// at n = 8K, 32 query and 8 KV heads of 128. Figures: docs/kernels/attention.md.

#include "common.cuh"

#if DTYPE != 0
#error "attend_f32: DTYPE must be 0"
#endif
#if HEAD_DIM % 2 != 0 || HEAD_DIM < 2 || HEAD_DIM > 256
#error "attend_f32: HEAD_DIM must be even and at most 256"
#endif

#define TILE_M (HEAD_DIM > 128 ? 32 : 64)
#define TILE_N 32
#define THREADS (4 * TILE_M)
#define PAIRS (HEAD_DIM / 2)
#define PITCH (PAIRS % 2 ? PAIRS : PAIRS + 1)  // pairs of floats from row to row: odd, so that 16 rows at one column are in different banks
#define COLUMNS ((HEAD_DIM + 15) / 16)         // of the output that a thread has
#define PITCH_P (TILE_N + 1)

__device__ __forceinline__ float row_max(float v) {
#pragma unroll
    for (int lane = 8; lane > 0; lane >>= 1) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, lane));
    return v;
}

__device__ __forceinline__ float row_sum(float v) {
#pragma unroll
    for (int lane = 8; lane > 0; lane >>= 1) v += __shfl_xor_sync(0xffffffffu, v, lane);
    return v;
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
    attend_prefill(T* out, const T* q, const char* kv, const int* view, int sequence, float scale, int heads, int kvHeads, int block, long long slotBytes) {
    const Sequence seq = sequence_of(view, sequence);
    const int tokens = seq.tokens, queries = seq.queries;
    const int tiles = (queries + TILE_M - 1) / TILE_M;
    if (blockIdx.x >= tiles * heads) return;
    const int head = blockIdx.x % heads, kvHead = head / (heads / kvHeads);
    const int firstQuery = (tiles - 1 - blockIdx.x / heads) * TILE_M;
    const int seenByFirst = tokens - queries + firstQuery;  // the last token the tile's first query sees
    const int lastSeen = seenByFirst + TILE_M - 1 < tokens - 1 ? seenByFirst + TILE_M - 1 : tokens - 1;
    const int x = threadIdx.x % 16, y = threadIdx.x / 16;

    extern __shared__ float2 dynamic[];
    float2* sharedQ = dynamic;
    float2* sharedKV = sharedQ + TILE_M * PITCH;
    float* sharedP = (float*)(sharedKV + TILE_N * PITCH);

    auto load_tile = [&](int tile, long long further) {
        for (int i = threadIdx.x; i < TILE_N * PAIRS; i += THREADS) {
            const int row = i / PAIRS, pair = i % PAIRS, token = tile * TILE_N + row;
            float2 value = make_float2(0.0f, 0.0f);
            if (token < tokens) {
                const char* from = kv + seq.slots[token / block] * slotBytes + further + ((long long)kvHead * block + token % block) * (HEAD_DIM * 4);
                value = ((const float2*)from)[pair];
            }
            sharedKV[row * PITCH + pair] = value;
        }
    };

    const long long stride = (long long)heads * HEAD_DIM;
    const T* from = q + (long long)(seq.firstRow + firstQuery) * stride + head * HEAD_DIM;
    for (int i = threadIdx.x; i < TILE_M * PAIRS; i += THREADS) {
        const int row = i / PAIRS, pair = i % PAIRS;
        sharedQ[row * PITCH + pair] = firstQuery + row < queries ? ((const float2*)(from + row * stride))[pair] : make_float2(0.0f, 0.0f);
    }

    const float negativeInfinity = __int_as_float(0xff800000);
    float o[4][COLUMNS], maximum[4], sum[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        maximum[i] = negativeInfinity;
        sum[i] = 0.0f;
#pragma unroll
        for (int j = 0; j < COLUMNS; j++) o[i][j] = 0.0f;
    }

    for (int tile = 0; tile <= lastSeen / TILE_N; tile++) {
        __syncthreads();  // everyone is done with V
        load_tile(tile, 0);
        __syncthreads();

        float s[4][2] = {};
#pragma unroll 4
        for (int d = 0; d < PAIRS; d++) {
            const float2 k0 = sharedKV[x * PITCH + d], k1 = sharedKV[(x + 16) * PITCH + d];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const float2 a = sharedQ[(4 * y + i) * PITCH + d];
                s[i][0] = fmaf(a.x, k0.x, fmaf(a.y, k0.y, s[i][0]));
                s[i][1] = fmaf(a.x, k1.x, fmaf(a.y, k1.y, s[i][1]));
            }
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int limit = seenByFirst + 4 * y + i, seen = (limit < tokens - 1 ? limit : tokens - 1) - tile * TILE_N;
            s[i][0] = x > seen ? negativeInfinity : s[i][0] * scale;
            s[i][1] = x + 16 > seen ? negativeInfinity : s[i][1] * scale;
            // Tiles come from token 0 on, so the maximum is finite from the first one.
            const float m = fmaxf(maximum[i], row_max(fmaxf(s[i][0], s[i][1])));
            const float correction = expf(maximum[i] - m);
            maximum[i] = m;
            const float p0 = expf(s[i][0] - m), p1 = expf(s[i][1] - m);
            sum[i] = sum[i] * correction + (p0 + p1);
            sharedP[(4 * y + i) * PITCH_P + x] = p0;
            sharedP[(4 * y + i) * PITCH_P + x + 16] = p1;
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) o[i][j] *= correction;
        }
        __syncthreads();  // everyone is done with K
        load_tile(tile, (long long)kvHeads * block * (HEAD_DIM * 4));
        __syncthreads();
        const float* values = (const float*)sharedKV;
#pragma unroll 2
        for (int t = 0; t < TILE_N; t++) {
            float p[4];
#pragma unroll
            for (int i = 0; i < 4; i++) p[i] = sharedP[(4 * y + i) * PITCH_P + t];
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) {
                if (HEAD_DIM % 16 != 0 && x + 16 * j >= HEAD_DIM) break;
                const float v = values[t * 2 * PITCH + x + 16 * j];
#pragma unroll
                for (int i = 0; i < 4; i++) o[i][j] = fmaf(p[i], v, o[i][j]);
            }
        }
    }

    T* to = out + (long long)(seq.firstRow + firstQuery) * stride + head * HEAD_DIM;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const float total = row_sum(sum[i]);
        if (firstQuery + 4 * y + i >= queries) continue;
#pragma unroll
        for (int j = 0; j < COLUMNS; j++)
            if (x + 16 * j < HEAD_DIM) to[(4 * y + i) * stride + x + 16 * j] = o[i][j] / total;
    }
}
