// Prefill attention on tensor cores from sm_80 on: out = softmax(scale * q k^T, causal) v, for one sequence of a view, grouped-query.
// builds: DTYPE=1,2 HEAD_DIM=64,128 arch=80,86,89,90a,100,120
// builds: DTYPE=2 HEAD_DIM=16,32,48,80,96,112 arch=80,90a
//
// Layouts: docs/cuda.md. q and out [rows, heads * HEAD_DIM], may be the same memory: a CTA reads its own queries before it writes them and nobody else does.
// KV is read through the slot table, a token at a time, so `block` can be any size. Query i of m over `tokens` tokens sees tokens 0 .. tokens - m + i.
// Rows behind `tokens` are not read (the pool may hold NaN there, or no slot): shared memory gets zeros instead, and their scores are masked by index.
//
// One CTA of 4 warps is 128 queries of one head, a warp 32 of them as two tiles of 16, in the manner of FlashAttention-2 (arXiv 2307.08691): cp.async brings V of a tile under its q k^T
// and K of the next under the softmax and P v; mma.sync m16n8k16 with P straight from the accumulators. Rows in shared memory are padded by 16 bytes, which makes ldmatrix free of conflicts.
// Grid: ceil(queries / 128) * heads, the longest query tiles first, heads of a KV head side by side. Block: 128. Dynamic shared memory: 256 * (HEAD_DIM * 2 + 16) + 1024 bytes.
//
// FLOPs 2 * n * n * heads * HEAD_DIM for n queries over n tokens; bytes q, out, k, v once. Reaches on an H100 SXM, bf16, 32 query and 8 KV heads of 128: 282 TFLOP/s at n = 8K, 295 at 32K
// (PyTorch's flash attention: 315, 357; attend_wgmma is the one for that card). Figures: docs/kernels/attention.md.

#include "common.cuh"

#if DTYPE != 1 && DTYPE != 2
#error "attend_mma: DTYPE must be 1 or 2"
#endif
#if HEAD_DIM % 16 != 0 || HEAD_DIM < 16 || HEAD_DIM > 128
#error "attend_mma: HEAD_DIM must be a multiple of 16, at most 128"
#endif

#define TILE_M 128
#define TILE_N 64
#define WARP_TILES 2                  // of 16 queries in a warp
#define PITCH (HEAD_DIM * 2 + 16)     // bytes from row to row in shared memory: an odd number of 16-byte chunks
#define CHUNKS (HEAD_DIM / 8)         // of 16 bytes in a row

#if DTYPE == 1
#define MMA_TYPES "f32.f16.f16.f32"
#else
#define MMA_TYPES "f32.bf16.bf16.f32"
#endif

// 16 bytes into shared memory, zeros if not `there`; without the hint to the L2 that the others give.
__device__ __forceinline__ void copy_async_unhinted(u32 to, const void* from, bool there) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}

__device__ __forceinline__ void load_matrix(u32 (&r)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

__device__ __forceinline__ void load_matrix_transposed(u32 (&r)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

// d[0, 1]: row lane / 4, columns 2 * (lane % 4) and the next; d[2, 3]: 8 rows below.
__device__ __forceinline__ void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col." MMA_TYPES " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

extern "C" __global__ void __launch_bounds__(128)
    attend_prefill(T* out, const T* q, const char* kv, const int* view, int sequence, float scale, int heads, int kvHeads, int block, long long slotBytes) {
    const Sequence seq = sequence_of(view, sequence);
    const int tokens = seq.tokens, queries = seq.queries;
    const int tiles = (queries + TILE_M - 1) / TILE_M;
    if (blockIdx.x >= tiles * heads) return;
    const int head = blockIdx.x % heads, kvHead = head / (heads / kvHeads);
    const int firstQuery = (tiles - 1 - blockIdx.x / heads) * TILE_M;
    const int seenByFirst = tokens - queries + firstQuery;  // the last token the tile's first query sees
    const int lastSeen = seenByFirst + TILE_M - 1 < tokens - 1 ? seenByFirst + TILE_M - 1 : tokens - 1;
    const int lastTile = lastSeen / TILE_N;
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;

    extern __shared__ uint4 dynamic[];
    const u32 sharedQ = (u32)__cvta_generic_to_shared(dynamic), sharedK = sharedQ + TILE_M * PITCH, sharedV = sharedK + TILE_N * PITCH;
    // Where a tile's K rows start in the pool, in bytes, two tiles alternating; -1: not there. V is `valuesFurther` behind K.
    long long* rowOffsets = (long long*)((char*)dynamic + (TILE_M + 2 * TILE_N) * PITCH);
    const long long valuesFurther = (long long)kvHeads * block * HEAD_DIM * 2;
    auto find_rows = [&](int tile) {
        if (thread < TILE_N && tile >= 0) {
            const int token = tile * TILE_N + thread;
            rowOffsets[tile % 2 * TILE_N + thread] =
                token < tokens ? seq.slots[token / block] * slotBytes + ((long long)kvHead * block + token % block) * (HEAD_DIM * 2) : -1;
        }
    };
    constexpr int COPIES = HEAD_DIM % 64 == 0 ? 8 : 1;  // at a time: more, and their addresses fill the registers
    auto load_tile = [&](int tile, u32 to, long long further) {
#pragma unroll COPIES
        for (int i = 0; i < TILE_N * CHUNKS / 128; i++) {
            const int index = thread + 128 * i, row = index / CHUNKS, chunk = index % CHUNKS;
            const long long offset = rowOffsets[tile % 2 * TILE_N + row];
            copy_async_unhinted(to + row * PITCH + chunk * 16, kv + (offset < 0 ? 0 : offset + further + chunk * 16), offset >= 0);
        }
        commit_copies();
    };

    const long long stride = (long long)heads * HEAD_DIM;
    const T* from = q + (long long)(seq.firstRow + firstQuery) * stride + head * HEAD_DIM;
#pragma unroll
    for (int i = 0; i < TILE_M * CHUNKS / 128; i++) {
        const int index = thread + 128 * i, row = index / CHUNKS, chunk = index % CHUNKS;
        const bool there = firstQuery + row < queries;
        copy_async_unhinted(sharedQ + row * PITCH + chunk * 16, there ? from + row * stride + chunk * 8 : q, there);
    }
    find_rows(lastTile);
    find_rows(lastTile - 1);
    __syncthreads();
    load_tile(lastTile, sharedK, 0);

    const float negativeInfinity = __int_as_float(0xff800000);
    const float scale2 = scale * 1.4426950408889634f;  // log2(e): exponentials are exp2
    float o[WARP_TILES][HEAD_DIM / 8][4], maximum[WARP_TILES][2], sum[WARP_TILES][2];
#pragma unroll
    for (int t = 0; t < WARP_TILES; t++) {
        maximum[t][0] = maximum[t][1] = negativeInfinity;
        sum[t][0] = sum[t][1] = 0.0f;
#pragma unroll
        for (int j = 0; j < HEAD_DIM / 8; j++) o[t][j][0] = o[t][j][1] = o[t][j][2] = o[t][j][3] = 0.0f;
    }
    const int warpRow = warp * 16 * WARP_TILES;
    const u32 fragmentQ = sharedQ + (warpRow + lane % 16) * PITCH + lane / 16 * 16;
    const u32 fragmentK = sharedK + (lane % 8 + lane / 16 * 8) * PITCH + lane / 8 % 2 * 16;
    const u32 fragmentV = sharedV + (lane % 8 + lane / 8 % 2 * 8) * PITCH + lane / 16 * 16;

    for (int tile = lastTile; tile >= 0; tile--) {
        wait_copies<0>();
        __syncthreads();  // K is there; everyone is done with V and with this tile's predecessor
        load_tile(tile, sharedV, valuesFurther);

        float s[WARP_TILES][TILE_N / 8][4];
#pragma unroll
        for (int t = 0; t < WARP_TILES; t++)
#pragma unroll
            for (int j = 0; j < TILE_N / 8; j++) s[t][j][0] = s[t][j][1] = s[t][j][2] = s[t][j][3] = 0.0f;
#pragma unroll
        for (int step = 0; step < HEAD_DIM / 16; step++) {
            u32 a[WARP_TILES][4];
#pragma unroll
            for (int t = 0; t < WARP_TILES; t++) load_matrix(a[t], fragmentQ + t * 16 * PITCH + step * 32);
#pragma unroll
            for (int j = 0; j < TILE_N / 16; j++) {
                u32 b[4];
                load_matrix(b, fragmentK + j * 16 * PITCH + step * 32);
#pragma unroll
                for (int t = 0; t < WARP_TILES; t++) {
                    mma(s[t][2 * j], a[t], b[0], b[1]);
                    mma(s[t][2 * j + 1], a[t], b[2], b[3]);
                }
            }
        }

        if ((tile + 1) * TILE_N - 1 > seenByFirst + warpRow || (tile + 1) * TILE_N > tokens) {
#pragma unroll
            for (int t = 0; t < WARP_TILES; t++)
#pragma unroll
                for (int r = 0; r < 2; r++) {
                    const int limit = seenByFirst + warpRow + 16 * t + lane / 4 + 8 * r;
                    const int seen = (limit < tokens - 1 ? limit : tokens - 1) - (tile * TILE_N + 2 * (lane % 4));
#pragma unroll
                    for (int i = 0; i < TILE_N / 4; i++) {
                        float& x = s[t][i / 2][2 * r + i % 2];
                        x = 8 * (i / 2) + i % 2 > seen ? negativeInfinity : x;
                    }
                }
        }

        wait_copies<0>();
        __syncthreads();  // V is there; everyone is done with K
        if (tile > 0) load_tile(tile - 1, sharedK, 0);
        // Into the half that this tile's V load was the last to read.
        find_rows(tile - 2);

        u32 p[WARP_TILES][TILE_N / 16][4];
#pragma unroll
        for (int t = 0; t < WARP_TILES; t++) {
#pragma unroll
            for (int r = 0; r < 2; r++) {
                float m = maximum[t][r];
#pragma unroll
                for (int j = 0; j < TILE_N / 8; j++) m = fmaxf(m, fmaxf(s[t][j][2 * r], s[t][j][2 * r + 1]));
                m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 1));
                m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 2));
                // A row may see nothing of the tile it starts with: inf - inf must not come up.
                const float shift = m == negativeInfinity ? 0.0f : m * scale2;
                const float correction = exp2_fast(fmaf(maximum[t][r], scale2, -shift));
                maximum[t][r] = m;
                float total = 0.0f;
#pragma unroll
                for (int j = 0; j < TILE_N / 8; j++) {
                    float& x = s[t][j][2 * r];
                    float& y = s[t][j][2 * r + 1];
                    x = exp2_fast(fmaf(x, scale2, -shift));
                    y = exp2_fast(fmaf(y, scale2, -shift));
                    total += x + y;
                }
                sum[t][r] = fmaf(sum[t][r], correction, total);
#pragma unroll
                for (int j = 0; j < HEAD_DIM / 8; j++) {
                    o[t][j][2 * r] *= correction;
                    o[t][j][2 * r + 1] *= correction;
                }
            }
            // The accumulators of two neighbouring 8-column tiles are the A operand of 16.
#pragma unroll
            for (int j = 0; j < TILE_N / 16; j++) {
                p[t][j][0] = pack2(s[t][2 * j][0], s[t][2 * j][1]);
                p[t][j][1] = pack2(s[t][2 * j][2], s[t][2 * j][3]);
                p[t][j][2] = pack2(s[t][2 * j + 1][0], s[t][2 * j + 1][1]);
                p[t][j][3] = pack2(s[t][2 * j + 1][2], s[t][2 * j + 1][3]);
            }
        }
#pragma unroll
        for (int step = 0; step < TILE_N / 16; step++)
#pragma unroll
            for (int j = 0; j < HEAD_DIM / 16; j++) {
                u32 b[4];
                load_matrix_transposed(b, fragmentV + step * 16 * PITCH + j * 32);
#pragma unroll
                for (int t = 0; t < WARP_TILES; t++) {
                    mma(o[t][2 * j], p[t][step], b[0], b[1]);
                    mma(o[t][2 * j + 1], p[t][step], b[2], b[3]);
                }
            }
    }

    // Through this warp's own queries in shared memory, so that a row leaves in whole 16-byte chunks.
    __syncwarp();
    char* rowsQ = (char*)dynamic + warpRow * PITCH;
#pragma unroll
    for (int t = 0; t < WARP_TILES; t++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
            float total = sum[t][r];
            total += __shfl_xor_sync(0xffffffffu, total, 1);
            total += __shfl_xor_sync(0xffffffffu, total, 2);
            const float inverse = 1.0f / total;
#pragma unroll
            for (int j = 0; j < HEAD_DIM / 8; j++)
                *(u32*)(rowsQ + (16 * t + lane / 4 + 8 * r) * PITCH + j * 16 + lane % 4 * 4) = pack2(o[t][j][2 * r] * inverse, o[t][j][2 * r + 1] * inverse);
        }
    __syncwarp();
    T* to = out + (long long)(seq.firstRow + firstQuery + warpRow) * stride + head * HEAD_DIM;
#pragma unroll
    for (int i = 0; i < 16 * WARP_TILES * CHUNKS / 32; i++) {
        const int index = lane + 32 * i, row = index / CHUNKS, chunk = index % CHUNKS;
        if (firstQuery + warpRow + row < queries) *(uint4*)(to + row * stride + chunk * 8) = *(const uint4*)(rowsQ + row * PITCH + chunk * 16);
    }
}
