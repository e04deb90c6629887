// Prefill attention on Hopper: out = softmax(scale * q k^T, causal) v, for one sequence of a view, grouped-query.
// builds: DTYPE=1,2 HEAD_DIM=64,128 arch=90a
//
// Layouts: docs/cuda.md. q and out [rows, heads * HEAD_DIM], may be the same memory: a CTA reads its own queries before it writes them and nobody else does.
// KV comes by TMA: kvMap is the whole pool as a matrix [slots * 2 * kvHeads * block, HEAD_DIM], box 64 columns x min(64, largest power of two in block) rows, 128-byte swizzle. block: any multiple of 16.
// Query i of m over `tokens` tokens sees tokens 0 .. tokens - m + i. Keys behind `tokens` are masked by index, values there are zeroed in shared memory: the pool may hold NaN there.
//
// One CTA is 64 * CONSUMERS queries of one head: one producer warpgroup (one warp issues the loads) and CONSUMERS warpgroups of 64 queries each, after FlashAttention-3
// (arXiv 2407.08608). K and V tiles of TILE_N tokens go through rings of STAGES buffers guarded by mbarriers. A consumer issues S = q k^T of the next tile, then O += P v of the
// current one, and does the softmax of the next tile under the second product.
// Tiles are walked from the diagonal back to token 0, so only the first ones are masked.
// Grid: ceil(queries / (64 * CONSUMERS)) * heads, CONSUMERS = HEAD_DIM == 64 ? 3 : 2; the longest query tiles first, heads of a KV head side by side, and as many KV heads at a time as fit L2.
// Block: 128 * (CONSUMERS + 1). Dynamic shared memory: (64 * CONSUMERS + 2 * STAGES * TILE_N) * HEAD_DIM * 2 + 2048 bytes.
//
// FLOPs 2 * n * n * heads * HEAD_DIM for n queries over n tokens; bytes q, out, k, v once. At n = 32K, 32 heads of 128: 8.8 TFLOP, so 8.9 ms at 989 TFLOP/s; memory is far from it (0.7 GB).
// Reaches on an H100 SXM, bf16, 32 query and 8 KV heads: 687 TFLOP/s at n = 8K, 685 at 32K for heads of 128 (cuDNN 9.19: 604, 601), 516 and 528 for heads of 64 (428, 489).
// Slower or no faster: clusters with multicast (448, 490), softmax without a product beside it (575), tiles of 64 or 176 tokens, 3 stages, consumers taking turns. Figures: docs/kernels/attention.md.

#include "common.cuh"

#if DTYPE != 1 && DTYPE != 2
#error "attend_wgmma: DTYPE must be 1 or 2"
#endif
#if HEAD_DIM != 64 && HEAD_DIM != 128
#error "attend_wgmma: HEAD_DIM must be 64 or 128"
#endif

// Warpgroups of 64 queries. Three fit where a head of 64 leaves registers and shared memory for them.
#if HEAD_DIM == 64
#define CONSUMERS 3
#define CONSUMER_REGISTERS "160"
#define PRODUCER_REGISTERS "32"
#else
#define CONSUMERS 2
#define CONSUMER_REGISTERS "240"
#define PRODUCER_REGISTERS "24"
#endif
#define TILE_N 128
#define STAGES 2

// K and V of the KV heads worked on at a time should stay below this.
#ifndef L2_BYTES
#define L2_BYTES (32 << 20)
#endif

// One 64-column half of a tile row is 128 bytes: the width of the swizzle.
#define HALVES (HEAD_DIM / 64)
#define TILE_M (64 * CONSUMERS)
#define TILE_BYTES (TILE_N * HEAD_DIM * 2)
#define QUERY_BYTES (64 * HEAD_DIM * 2)

#if DTYPE == 1
#define MMA_TYPES "f32.f16.f16"
#else
#define MMA_TYPES "f32.bf16.bf16"
#endif

struct alignas(64) TensorMap {
    u64 words[16];
};

// Named barriers; 0 is __syncthreads.
enum { BAR_ALL_CONSUMERS = 1, BAR_CONSUMER = 2 };

__device__ __forceinline__ void bar_sync(int id, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

__device__ __forceinline__ void mbarrier_init(u32 bar, int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(bar), "r"(arrivals) : "memory");
}

// Waits until the phase of that parity is complete.
__device__ __forceinline__ void mbarrier_wait(u32 bar, u32 parity) {
#ifdef DEBUG_TIMEOUT
    u32 start = 0;  // a hang becomes an error after 2 s
#endif
    while (true) {
        u32 done;
        asm volatile(
            "{\n.reg .pred p;\n"
            "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
            "selp.u32 %0, 1, 0, p;\n}"
            : "=r"(done)
            : "r"(bar), "r"(parity)
            : "memory");
        if (done) return;
#ifdef DEBUG_TIMEOUT
        u32 now;
        asm volatile("mov.u32 %0, %%globaltimer_lo;" : "=r"(now));
        if (start == 0) start = now;
        // Not trap: control flow that ends here would cost setmaxnreg, and the products would be serialized.
        if (now - start > 2000000000u) asm volatile("st.global.u32 [%0], %1;" ::"l"(0ull), "r"(bar));
#endif
    }
}

__device__ __forceinline__ void mbarrier_expect(u32 bar, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(bar), "r"(bytes) : "memory");
}

__device__ __forceinline__ void mbarrier_arrive(u32 bar) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(bar) : "memory");
}

__device__ __forceinline__ void tma_load(u32 to, const TensorMap* map, int column, int row, u32 bar) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(to),
        "l"(map), "r"(column), "r"(row), "r"(bar)
        : "memory");
}

// Makes ordinary stores to shared memory visible to wgmma and TMA.
__device__ __forceinline__ void fence_async() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ __forceinline__ void wgmma_fence() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

__device__ __forceinline__ void wgmma_commit() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

template <int PENDING>
__device__ __forceinline__ void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
}

// Ties registers to this place: the compiler may not move their use across it, which it would do with a product's results, ready only after the wait.
template <int N>
__device__ __forceinline__ void pin(float (&r)[N]) {
#pragma unroll
    for (int i = 0; i < N; i++) asm volatile("" : "+f"(r[i])::"memory");
}

template <int N>
__device__ __forceinline__ void pin(u32 (&r)[N]) {
#pragma unroll
    for (int i = 0; i < N; i++) asm volatile("" : "+r"(r[i])::"memory");
}

// A wgmma operand in shared memory, 128-byte swizzle, groups of 8 rows 1024 bytes apart. `chunk`: bytes between chunks of 64 columns; it counts only where rows are K (V's case).
__device__ __forceinline__ u64 operand(u32 address, u32 chunk) {
    return (u64)((address & 0x3ffff) >> 4) | (u64)(chunk >> 4) << 16 | (u64)(1024 >> 4) << 32 | (u64)1 << 62;
}

// Accumulators d[4 j + e] of a thread: row 16 * warp + lane / 4 + 8 * (e / 2), column 8 j + 2 * (lane % 4) + e % 2.
#define OPERANDS_32 \
    "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define OPERANDS_64 \
    OPERANDS_32 \
    ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define FLOATS_8(i) \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define FLOATS_32 FLOATS_8(0), FLOATS_8(8), FLOATS_8(16), FLOATS_8(24)
#define FLOATS_64 FLOATS_32, FLOATS_8(32), FLOATS_8(40), FLOATS_8(48), FLOATS_8(56)

// d (+)= a b^T over 16 columns; a, b in shared memory, rows of both K-major.
#define WGMMA_SS(COUNT, N, A, B, ADD) \
    __device__ __forceinline__ void wgmma_ss(float(&d)[COUNT], u64 a, u64 b, int add) { \
        asm volatile( \
            "{\n.reg .pred p;\nsetp.ne.b32 p, %" ADD ", 0;\n" \
            "wgmma.mma_async.sync.aligned.m64n" N "k16." MMA_TYPES " {" OPERANDS_##COUNT "}, %" A ", %" B ", p, 1, 1, 0, 0;\n}" \
            : FLOATS_##COUNT \
            : "l"(a), "l"(b), "r"(add)); \
    }

// d += a b over 16 rows of b; a in registers, b in shared memory with its columns contiguous.
#define WGMMA_RS(COUNT, N, A0, A1, A2, A3, B, ADD) \
    __device__ __forceinline__ void wgmma_rs(float(&d)[COUNT], const u32* a, u64 b) { \
        asm volatile( \
            "{\n.reg .pred p;\nsetp.ne.b32 p, %" ADD ", 0;\n" \
            "wgmma.mma_async.sync.aligned.m64n" N "k16." MMA_TYPES " {" OPERANDS_##COUNT "}, {%" A0 ", %" A1 ", %" A2 ", %" A3 "}, %" B \
            ", p, 1, 1, 1;\n}" \
            : FLOATS_##COUNT \
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(1)); \
    }

WGMMA_SS(64, "128", "64", "65", "66")
#if HEAD_DIM == 64
WGMMA_RS(32, "64", "32", "33", "34", "35", "36", "37")
#else
WGMMA_RS(64, "128", "64", "65", "66", "67", "68", "69")
#endif

// Issues S = q k^T: HEAD_DIM in steps of 16 columns, 32 bytes inside a half; the halves of q are 64 rows apart, those of k TILE_N rows.
__device__ __forceinline__ void issue_scores(float (&s)[TILE_N / 2], u64 q, u64 k) {
    wgmma_fence();
#pragma unroll
    for (int step = 0; step < HEAD_DIM / 16; step++) {
        const int half = step / 4, inner = (step % 4) * 32;
        wgmma_ss(s, q + ((half * 64 * 128 + inner) >> 4), k + ((half * TILE_N * 128 + inner) >> 4), step > 0);
    }
    wgmma_commit();
}

// Issues O += P v: TILE_N tokens in steps of 16 rows of 128 bytes.
__device__ __forceinline__ void issue_values(float (&o)[HEAD_DIM / 2], const u32 (&p)[TILE_N / 4], u64 v) {
    wgmma_fence();
#pragma unroll
    for (int step = 0; step < TILE_N / 16; step++) wgmma_rs(o, p + 4 * step, v + (step * 16 * 128 >> 4));
    wgmma_commit();
}

// The accumulators of S are, 16 columns at a time, already where the A operand of P wants them.
__device__ __forceinline__ void pack_probabilities(u32 (&p)[TILE_N / 4], const float (&s)[TILE_N / 2]) {
#pragma unroll
    for (int i = 0; i < TILE_N / 4; i++) p[i] = pack2(s[2 * i], s[2 * i + 1]);
}

// A thread's two rows (lane / 4 and 8 below): running maximum of the raw scores, its share of the sum, and what the last step multiplies older sums by.
struct Rows {
    float maximum[2], sum[2], correction[2];
    int limit[2];  // the last token it sees
};

// s := exp2(scale2 * (s - maximum)) with the maximum brought up to date. `token`: the tile's first token plus the thread's first column.
// `masked`, a constant: the tile has tokens that a query may not see.
__device__ __forceinline__ void softmax(const bool masked, float (&s)[TILE_N / 2], Rows& rows, float scale2, int token) {
    const float negativeInfinity = __int_as_float(0xff800000);
#pragma unroll
    for (int r = 0; r < 2; r++) {
        if (masked) {
            const int seen = rows.limit[r] - token;
#pragma unroll
            for (int i = 0; i < TILE_N / 4; i++) {
                float& x = s[4 * (i / 2) + 2 * r + i % 2];
                x = 8 * (i / 2) + i % 2 > seen ? negativeInfinity : x;
            }
        }
        float a = s[2 * r], b = s[2 * r + 1];
#pragma unroll
        for (int j = 1; j < TILE_N / 8; j++) {
            a = fmaxf(a, s[4 * j + 2 * r]);
            b = fmaxf(b, s[4 * j + 2 * r + 1]);
        }
        float m = fmaxf(rows.maximum[r], fmaxf(a, b));
        m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 1));
        m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 2));
        // A row may see nothing of the tile it starts with: inf - inf must not come up.
        const float shift = masked && m == negativeInfinity ? 0.0f : __fmul_rn(m, scale2);
        // Both products rounded (no FMA): an unchanged maximum corrects by exactly 1, which `rescale` looks for.
        rows.correction[r] = exp2_fast(__fmul_rn(rows.maximum[r], scale2) - shift);
        rows.maximum[r] = m;
        a = b = 0.0f;
#pragma unroll
        for (int j = 0; j < TILE_N / 8; j++) {
            float& x = s[4 * j + 2 * r];
            float& y = s[4 * j + 2 * r + 1];
            x = exp2_fast(fmaf(x, scale2, -shift));
            y = exp2_fast(fmaf(y, scale2, -shift));
            a += x;
            b += y;
        }
        rows.sum[r] = fmaf(rows.sum[r], rows.correction[r], a + b);
    }
}

__device__ __forceinline__ void rescale(float (&o)[HEAD_DIM / 2], const Rows& rows) {
    if (!__any_sync(0xffffffffu, rows.correction[0] != 1.0f || rows.correction[1] != 1.0f)) return;  // mostly: no row of the warp has a new maximum
#pragma unroll
    for (int i = 0; i < HEAD_DIM / 2; i++) o[i] *= rows.correction[i / 2 % 2];
}

// A ring of STAGES tiles: where the next one is.
struct Ring {
    u32 stage, phase;
    __device__ __forceinline__ void advance() {
        if (++stage == STAGES) stage = 0, phase ^= 1;
    }
};

extern "C" __global__ void __launch_bounds__(128 * (CONSUMERS + 1), 1)
    attend_prefill(const __grid_constant__ TensorMap kvMap, T* out, const T* q, const int* view, int sequence, float scale, int heads, int kvHeads, int block) {
    const Sequence seq = sequence_of(view, sequence);
    const int tokens = seq.tokens, queries = seq.queries;

    // Which head and query tile: sections of KV heads that fit L2 together, in a section the tiles with most tokens first, the heads of a tile side by side.
    const int tiles = (queries + TILE_M - 1) / TILE_M, group = heads / kvHeads;
    if (blockIdx.x >= tiles * heads) return;
    const long long headBytes = 4ll * HEAD_DIM * tokens;
    const int fitting = (int)(L2_BYTES / headBytes);
    const int sectionHeads = (fitting < 1 ? 1 : fitting > kvHeads ? kvHeads : fitting) * group;
    const int section = blockIdx.x / (tiles * sectionHeads), inSection = blockIdx.x % (tiles * sectionHeads);
    const int left = heads - section * sectionHeads, width = left < sectionHeads ? left : sectionHeads;
    const int head = section * sectionHeads + inSection % width;
    const int firstQuery = (tiles - 1 - inSection / width) * TILE_M;
    const int kvHead = head / group;

    const int seenByFirst = tokens - queries + firstQuery;  // the last token the tile's first query sees
    const int lastSeen = seenByFirst + TILE_M - 1 < tokens - 1 ? seenByFirst + TILE_M - 1 : tokens - 1;
    const int lastTile = lastSeen / TILE_N;

    extern __shared__ char dynamic[];
    const u32 shared = ((u32)__cvta_generic_to_shared(dynamic) + 1023) & ~1023u;  // swizzled tiles start at multiples of 1024
    const u32 sharedQ = shared, sharedK = sharedQ + CONSUMERS * QUERY_BYTES, sharedV = sharedK + STAGES * TILE_BYTES;
    const u32 fullK = sharedV + STAGES * TILE_BYTES, fullV = fullK + 8 * STAGES, emptyK = fullV + 8 * STAGES, emptyV = emptyK + 8 * STAGES;

    const int warpgroup = __shfl_sync(0xffffffffu, (int)threadIdx.x / 128, 0), warp = __shfl_sync(0xffffffffu, (int)threadIdx.x / 32 % 4, 0);
    const int lane = threadIdx.x % 32;
    if (threadIdx.x == 0) {
        for (int i = 0; i < STAGES; i++) {
            mbarrier_init(fullK + 8 * i, 1);
            mbarrier_init(fullV + 8 * i, 1);
            mbarrier_init(emptyK + 8 * i, 4 * CONSUMERS);  // one arrival a consumer warp
            mbarrier_init(emptyV + 8 * i, 4 * CONSUMERS);
        }
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
        fence_async();
    }
    __syncthreads();

    if (warpgroup == 0) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 " PRODUCER_REGISTERS ";");
        if (warp == 0) {
            // A lane is one box of each tile: `half` of its columns, `box` tokens from `offset` on.
            int box = block & -block;
            if (box > 64) box = 64;
            const int offset = lane / HALVES * box, half = lane % HALVES;
            const u32 place = half * TILE_N * 128 + offset * 128;
            // The pool's row of K of this lane's box in a tile, or -1: none (for V it is kvHeads * block further on).
            auto row_of = [&](int tile) -> int {
                const int token = tile * TILE_N + offset;
                if (offset >= TILE_N || token >= tokens) return -1;
                return (seq.slots[token / block] * 2 * kvHeads + kvHead) * block + token % block;
            };
            auto load = [&](int tile, int row, u32 to, u32 full, u32 empty, Ring& ring) {
                mbarrier_wait(empty + 8 * ring.stage, ring.phase ^ 1);  // the first round passes at once
                const int wanted = tokens - tile * TILE_N;
                const int rows = wanted < TILE_N ? (wanted + box - 1) / box * box : TILE_N;
                if (lane == 0) mbarrier_expect(full + 8 * ring.stage, rows * HEAD_DIM * 2);
                __syncwarp();
                if (row >= 0) tma_load(to + ring.stage * TILE_BYTES + place, &kvMap, half * 64, row, full + 8 * ring.stage);
                ring.advance();
            };
            Ring k = {0, 0}, v = {0, 0};
            const int valuesFurther = kvHeads * block;
            int row = row_of(lastTile);
            load(lastTile, row, sharedK, fullK, emptyK, k);
            // K runs one tile ahead of V, in the order of the consumers.
            for (int tile = lastTile; tile >= 0; tile--) {
                int next = -1;
                if (tile > 0) {
                    next = row_of(tile - 1);
                    load(tile - 1, next, sharedK, fullK, emptyK, k);
                }
                load(tile, row < 0 ? -1 : row + valuesFurther, sharedV, fullV, emptyV, v);
                row = next;
            }
        }
    } else {
        asm volatile("setmaxnreg.inc.sync.aligned.u32 " CONSUMER_REGISTERS ";");
        const int consumer = warpgroup - 1, thread = threadIdx.x % 128;
        const int queryBase = firstQuery + 64 * consumer;
        const u32 myQ = sharedQ + consumer * QUERY_BYTES;
        const long long stride = (long long)heads * HEAD_DIM;
        constexpr int CHUNKS = HEAD_DIM / 8;  // of 16 bytes in a row

        // The queries, in the places TMA would give them: chunk c of a half's row r lies at c ^ (r % 8).
        {
            const T* from = q + (long long)(seq.firstRow + queryBase) * stride + head * HEAD_DIM;
            uint4 chunks[CHUNKS / 2];
#pragma unroll
            for (int i = 0; i < CHUNKS / 2; i++) {
                const int index = thread + 128 * i, row = index / CHUNKS, chunk = index % CHUNKS;
                chunks[i] = make_uint4(0, 0, 0, 0);
                if (queryBase + row < queries) chunks[i] = *(const uint4*)(from + row * stride + chunk * 8);
            }
#pragma unroll
            for (int i = 0; i < CHUNKS / 2; i++) {
                const int index = thread + 128 * i, row = index / CHUNKS, chunk = index % CHUNKS;
                const u32 to = myQ + chunk / 8 * (64 * 128) + row * 128 + (chunk % 8 ^ row % 8) * 16;
                asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(chunks[i].x), "r"(chunks[i].y), "r"(chunks[i].z), "r"(chunks[i].w) : "memory");
            }
            fence_async();
            bar_sync(BAR_CONSUMER + consumer, 128);
        }

        const float scale2 = scale * 1.4426950408889634f;  // log2(e): exponentials are exp2
        const int column = 2 * (lane % 4);
        Rows rows;
#pragma unroll
        for (int r = 0; r < 2; r++) {
            rows.maximum[r] = __int_as_float(0xff800000);
            rows.sum[r] = 0.0f;
            const int limit = seenByFirst + 64 * consumer + 16 * warp + lane / 4 + 8 * r;
            rows.limit[r] = limit < tokens - 1 ? limit : tokens - 1;
        }
        // Tiles from this one on hold tokens that this warpgroup's first query does not see (or that are not there).
        const int leastSeen = seenByFirst + 64 * consumer < tokens - 1 ? seenByFirst + 64 * consumer : tokens - 1;
        const int firstMasked = (leastSeen + 1) / TILE_N;

        const u64 operandQ = operand(myQ, 16), operandK = operand(sharedK, 16), operandV = operand(sharedV, TILE_N * 128);
        Ring k = {0, 0}, v = {0, 0};
        float s[TILE_N / 2], o[HEAD_DIM / 2];
        u32 p[TILE_N / 4];
#pragma unroll
        for (int i = 0; i < HEAD_DIM / 2; i++) o[i] = 0.0f;

        auto release = [&](u32 empty, Ring& ring) {
            if (lane == 0) mbarrier_arrive(empty + 8 * ring.stage);
            ring.advance();
        };
        // The first tile walked may end behind `tokens`: what its V holds there, perhaps NaN, would reach O as 0 * NaN.
        auto clear_values = [&] {
            const int valid = tokens - lastTile * TILE_N;
            if (valid >= TILE_N) return;
            mbarrier_wait(fullV, 0);
            for (int i = threadIdx.x - 128; i < (TILE_N - valid) * CHUNKS; i += 128 * CONSUMERS) {
                const u32 to = sharedV + i % HALVES * (TILE_N * 128) + valid * 128 + i / HALVES * 16;
                asm volatile("st.shared.v4.b32 [%0], {%1, %1, %1, %1};" ::"r"(to), "r"(0) : "memory");
            }
            fence_async();
            bar_sync(BAR_ALL_CONSUMERS, 128 * CONSUMERS);
        };

        mbarrier_wait(fullK, 0);
        issue_scores(s, operandQ, operandK);
        wgmma_wait<0>();
        pin(s);
        release(emptyK, k);
        softmax(true, s, rows, scale2, lastTile * TILE_N + column);
        pack_probabilities(p, s);
        clear_values();

        auto step = [&](int tile, const bool masked) {
            mbarrier_wait(fullK + 8 * k.stage, k.phase);
            issue_scores(s, operandQ, operandK + k.stage * (TILE_BYTES >> 4));
            mbarrier_wait(fullV + 8 * v.stage, v.phase);
            issue_values(o, p, operandV + v.stage * (TILE_BYTES >> 4));
            wgmma_wait<1>();
            pin(s);
            release(emptyK, k);
            softmax(masked, s, rows, scale2, tile * TILE_N + column);
            wgmma_wait<0>();
            pin(o);
            pin(s);
            pin(p);
            release(emptyV, v);
            pack_probabilities(p, s);
            rescale(o, rows);
        };
        int tile = lastTile - 1;
        for (; tile >= firstMasked; tile--) step(tile, true);
        for (; tile >= 0; tile--) step(tile, false);

        mbarrier_wait(fullV + 8 * v.stage, v.phase);
        issue_values(o, p, operandV + v.stage * (TILE_BYTES >> 4));
        wgmma_wait<0>();
        pin(o);

        // Through this warpgroup's own query tile, which nobody reads after this barrier, so that a row leaves in whole 16-byte chunks.
        bar_sync(BAR_CONSUMER + consumer, 128);
#pragma unroll
        for (int r = 0; r < 2; r++) {
            float sum = rows.sum[r];
            sum += __shfl_xor_sync(0xffffffffu, sum, 1);
            sum += __shfl_xor_sync(0xffffffffu, sum, 2);
            const float inverse = 1.0f / sum;
            const int row = 16 * warp + lane / 4 + 8 * r;
#pragma unroll
            for (int j = 0; j < HEAD_DIM / 8; j++) {
                const u32 to = myQ + j / 8 * (64 * 128) + row * 128 + (j % 8 ^ row % 8) * 16 + lane % 4 * 4;
                asm volatile("st.shared.b32 [%0], %1;" ::"r"(to), "r"(pack2(o[4 * j + 2 * r] * inverse, o[4 * j + 2 * r + 1] * inverse)) : "memory");
            }
        }
        bar_sync(BAR_CONSUMER + consumer, 128);
        T* to = out + (long long)(seq.firstRow + queryBase) * stride + head * HEAD_DIM;
#pragma unroll
        for (int i = 0; i < CHUNKS / 2; i++) {
            const int index = thread + 128 * i, row = index / CHUNKS, chunk = index % CHUNKS;
            const u32 from = myQ + chunk / 8 * (64 * 128) + row * 128 + (chunk % 8 ^ row % 8) * 16;
            uint4 value;
            asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];" : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w) : "r"(from) : "memory");
            if (queryBase + row < queries) *(uint4*)(to + row * stride + chunk * 8) = value;
        }
    }
}
