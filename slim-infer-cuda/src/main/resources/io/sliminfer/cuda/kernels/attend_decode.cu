// builds: DTYPE=0,1,2 HEAD_DIM=64,80,96,128 GROUP=4,16 arch=80,86,89,90a,100,120
//
// Decode attention over the paged KV cache, for the view's sequences that have one query each:
//   out[head] = sum_t softmax_t(scale * q[head] . K[t]) V[t],  t = 0 .. tokens - 1, GROUP query heads on each KV head.
//
// attend_decode: grid (splits, kvHeads, sequences), block 32 * WARPS. A block takes one KV head and one split of the tokens, so that every byte of
// K and V is read once, for all GROUP query heads. It leaves unnormalised accumulators, their maximum and their sum in `partial`;
// attend_combine: grid (heads, sequences), block 128, merges the splits.
//
// In a block each warp works alone: it takes every WARPS-th tile of the split and keeps its own ring of STAGES tiles in shared memory, filled by
// cp.async, so the main loop has no block barrier and a warp that waits for memory holds up nobody. A token's slot is read one tile before its rows.
// 16-bit types: tiles of 16 tokens, mma.m16n8k16 twice: scores = Q K^T with the queries as the 16 rows, then out^T = V^T P^T with the queries as the
// 8 columns (twice for GROUP > 8): this order turns the scores' registers into the second product's operand as they are, and half as
// many accumulators are needed as with 16 query rows. f32: tiles of 8 tokens, plain FMA.
//
// Bytes: 2 * tokens * kvHeads * HEAD_DIM * sizeof(T) a sequence; FLOPs 4 * tokens * heads * HEAD_DIM: bound by memory.
// Floor: 64K tokens, 8 KV heads of 128, bf16: 268 MB, 80 us at the H100's 3.35 TB/s on paper. Measured there: 97.7 us, a plain read 86.7 us; 8K tokens 19.0
// and 12.7 us. Variants and figures: docs/kernels/decode.md.
#include "common.cuh"

#ifndef HEAD_DIM
#error "HEAD_DIM is not defined"
#endif
#ifndef GROUP
#error "GROUP is not defined: heads / kvHeads"
#endif
#if HEAD_DIM % 16 != 0 || HEAD_DIM > 128
#error "HEAD_DIM must be a multiple of 16, at most 128"
#endif
#if GROUP < 1 || GROUP > 16
#error "GROUP must be 1 to 16"
#endif
#ifndef WARPS
#define WARPS 4
#endif
#ifndef STAGES
#if DTYPE == 0
#define STAGES 2
#else
#define STAGES 3
#endif
#endif

#define FULL_WARP 0xffffffffu
#define NEGATIVE_INFINITY __uint_as_float(0xff800000u)
#define LOG2E 1.4426950408889634f

// Tokens of a tile, of 16 in the 16-bit products' depth; splits are whole tiles of 16 for every type.
#if DTYPE == 0
#define TILE 8
#else
#define TILE 16
#endif
#define SPLIT_STEP 16

// A row of `partial`: HEAD_DIM accumulators, their maximum (of score * log2 e), their sum, two unused for 16-byte rows.
#define PARTIAL_ROW (HEAD_DIM + 4)

// f32: a token's weights for all queries in shared memory.
#define WEIGHT_ROW ((GROUP + 3) / 4 * 4)

// Row of a tile in shared memory, in pieces of 16 bytes. Eight rows' same piece must lie in different banks (ldmatrix, and the f32 score loop):
// 16-bit rows of whole 128 bytes are swizzled, all others get an odd stride.
#define ROW_BYTES (HEAD_DIM * (int)sizeof(T))
#define ROW_PIECES (ROW_BYTES / 16)
#define SWIZZLED (DTYPE != 0 && ROW_PIECES % 8 == 0)
#define ROW_STRIDE (SWIZZLED ? ROW_PIECES : (ROW_PIECES | 1))
#define HALF_STAGE_BYTES (TILE * ROW_STRIDE * 16)
#define STAGE_BYTES (2 * HALF_STAGE_BYTES) // K, then V
#define LANE_PIECES (TILE * ROW_PIECES / 32)

// The warp's accumulators, GROUP rows, in its own ring after the last tile; four floats of padding spread the 16-bit types' stores over the banks.
#define MERGE_ROW (HEAD_DIM + 4)

static_assert(TILE * ROW_PIECES % 32 == 0, "a tile is copied by whole warps");
static_assert(GROUP * MERGE_ROW * 4 <= STAGES * STAGE_BYTES, "the ring holds a warp's accumulators");

// A maximum to subtract: with no score above -inf every weight is 0, not exp2(-inf + inf).
__device__ __forceinline__ float finite_max(float maximum) {
    return maximum == NEGATIVE_INFINITY ? 0.0f : maximum;
}

// Tokens of each split of this launch, from the longest sequence with one query: a whole warp calls it, both kernels get the same. Entries from
// view[0] up to `sequences` are read before view[0] is known (one latency instead of two), and then dropped.
__device__ __forceinline__ int split_tokens(const int* view, int sequences, int splits) {
    const int count = view[0];
    int longest = 1;
    for (int i = threadIdx.x & 31; i < sequences; i += 32) {
        const int tokens = view[4 + 4 * i], queries = view[5 + 4 * i];
        if (i < count && queries == 1) longest = max(longest, tokens);
    }
    asm volatile("redux.sync.max.s32 %0, %0, 0xffffffff;" : "+r"(longest));
    const int tokens = (longest + splits - 1) / splits;
    return (tokens + SPLIT_STEP - 1) / SPLIT_STEP * SPLIT_STEP;
}

// A warp's ring of KV tiles. Tile i of the warp is tile i * WARPS + warp of the split [begin, end).
struct Tiles {
    const char* keys; // of this KV head in slot 0
    const int* slots;
    long long slotBytes, valueOffset;
    int begin, end, block, lane;
    u32 ring;
    int writeStage;

    __device__ __forceinline__ int first_token(int tile) const {
        return begin + (tile * WARPS + (int)(threadIdx.x >> 5)) * TILE;
    }

    // Slot of the tile's token of this lane; lanes from TILE on repeat the first ones.
    __device__ __forceinline__ int slot(int tile) const {
        const int token = first_token(tile) + lane % TILE;
        return token < end ? slots[token / block] : 0;
    }

    // Starts the copies of a tile, K and V as one group each. Rows from `end` on become zeros without a read: what lies there may be NaN, and a
    // weight of 0 would not keep that out. Tiles past the split leave empty groups, so that the count of groups stays in step.
    __device__ __forceinline__ void fetch(int tile, int slot) {
        const int first = first_token(tile);
        if (first >= end) {
            commit_copies();
            commit_copies();
            return;
        }
        const int token = first + lane % TILE;
        const long long row = slot * slotBytes + (long long)(token - token / block * block) * ROW_BYTES;
        const u32 stage = ring + writeStage * STAGE_BYTES;
        const char* from[LANE_PIECES];
#pragma unroll
        for (int i = 0; i < LANE_PIECES; i++) {
            const int piece = lane + 32 * i, r = piece / ROW_PIECES, column = piece % ROW_PIECES;
            from[i] = keys + __shfl_sync(FULL_WARP, row, r) + column * 16;
            copy_async(stage + position(r, column), from[i], first + r < end);
        }
        commit_copies();
#pragma unroll
        for (int i = 0; i < LANE_PIECES; i++) {
            const int piece = lane + 32 * i, r = piece / ROW_PIECES, column = piece % ROW_PIECES;
            copy_async(stage + HALF_STAGE_BYTES + position(r, column), from[i] + valueOffset, first + r < end);
        }
        commit_copies();
        writeStage = writeStage + 1 == STAGES ? 0 : writeStage + 1;
    }

    // Byte in half a stage of a row's piece.
    static __device__ __forceinline__ u32 position(int row, int piece) {
        return (row * ROW_STRIDE + (SWIZZLED ? piece ^ (row & 7) : piece)) * 16;
    }
};

#if DTYPE != 0

#define QUERY_TILES ((GROUP + 7) / 8)
#define STEPS (HEAD_DIM / 16)

__device__ __forceinline__ void load_matrices(u32 (&m)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3]) : "r"(address) : "memory");
}

__device__ __forceinline__ void load_matrices_transposed(u32 (&m)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3]) : "r"(address) : "memory");
}

// c[16, 8] += a[16, 16] b[16, 8]. With g = lane / 4, j = lane % 4 a thread has of a: (g, 2j..), (g + 8, 2j..), (g, 2j + 8..), (g + 8, 2j + 8..);
// of b: (2j.., g), (2j + 8.., g); of c: (g, 2j), (g, 2j + 1), (g + 8, 2j), (g + 8, 2j + 1).
__device__ __forceinline__ void multiply(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
#if DTYPE == 1
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
#endif
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Softmax state and accumulators of one warp, for all query heads of a KV head.
struct Accumulator {
    u32 query[STEPS][4];
    float maximum[QUERY_TILES], sum[QUERY_TILES]; // of query g (+ 8); the sum over this lane's tokens only
    float out[STEPS][QUERY_TILES][4];             // dims 16 * step + g (+ 8), queries 2j and 2j + 1 (+ 8)
    float scaleLog2;

    __device__ __forceinline__ void start(const T* q, float scale) {
        const int lane = threadIdx.x & 31, g = lane >> 2, j = lane & 3;
        scaleLog2 = scale * LOG2E;
#pragma unroll
        for (int step = 0; step < STEPS; step++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int row = g + 8 * (i & 1), column = 16 * step + 2 * j + 8 * (i >> 1);
                const bool padding = (i & 1) >= QUERY_TILES || row >= GROUP;
                query[step][i] = padding ? 0u : *(const u32*)(q + row * HEAD_DIM + column);
            }
#pragma unroll
            for (int t = 0; t < QUERY_TILES; t++)
#pragma unroll
                for (int i = 0; i < 4; i++) out[step][t][i] = 0.0f;
        }
#pragma unroll
        for (int t = 0; t < QUERY_TILES; t++) {
            maximum[t] = NEGATIVE_INFINITY;
            sum[t] = 0.0f;
        }
    }

    // The four 8x8 matrices of a step, lanes 8m .. 8m + 7 giving the rows of matrix m: tokens 0..7 (m 0, 1) and 8..15 (m 2, 3), the step's first
    // (m 0, 2) and second (m 1, 3) piece. Right for K (columns = tokens) and, transposed, for V (rows = dims).
    static __device__ __forceinline__ u32 matrices_at(int step) {
        const int lane = threadIdx.x & 31, token = (lane >> 4) * 8 + (lane & 7), piece = 2 * step + ((lane >> 3) & 1);
        return Tiles::position(token, piece);
    }

    // Scores of a tile's K: s[n][i], tokens 8n + 2j + (i & 1), query g + 8 * (i >> 1).
    __device__ __forceinline__ void score(float (&s)[2][4], u32 keys) const {
#pragma unroll
        for (int n = 0; n < 2; n++)
#pragma unroll
            for (int i = 0; i < 4; i++) s[n][i] = 0.0f;
#pragma unroll
        for (int step = 0; step < STEPS; step++) {
            u32 k[4];
            load_matrices(k, keys + matrices_at(step));
            multiply(s[0], query[step], k[0], k[1]);
            multiply(s[1], query[step], k[2], k[3]);
        }
    }

    // Turns scores into weights as operand of the second product; `present` tokens of the tile exist.
    __device__ __forceinline__ void weigh(u32 (&weights)[QUERY_TILES][2], float (&s)[2][4], int present) {
        const int j = threadIdx.x & 3;
#pragma unroll
        for (int n = 0; n < 2; n++)
#pragma unroll
            for (int i = 0; i < 4; i++) s[n][i] *= scaleLog2;
        if (present < TILE) {
#pragma unroll
            for (int n = 0; n < 2; n++)
#pragma unroll
                for (int i = 0; i < 4; i++)
                    if (8 * n + 2 * j + (i & 1) >= present) s[n][i] = NEGATIVE_INFINITY;
        }
#pragma unroll
        for (int t = 0; t < QUERY_TILES; t++) {
            float next = fmaxf(fmaxf(s[0][2 * t], s[0][2 * t + 1]), fmaxf(s[1][2 * t], s[1][2 * t + 1]));
            next = fmaxf(next, __shfl_xor_sync(FULL_WARP, next, 1));
            next = fmaxf(next, __shfl_xor_sync(FULL_WARP, next, 2));
            next = fmaxf(next, maximum[t]);
            if (__any_sync(FULL_WARP, next > maximum[t])) {
                const float factor = exp2_fast(maximum[t] - finite_max(next));
                const float factor0 = __shfl_sync(FULL_WARP, factor, 8 * j), factor1 = __shfl_sync(FULL_WARP, factor, 8 * j + 4);
                sum[t] *= factor;
                maximum[t] = next;
#pragma unroll
                for (int step = 0; step < STEPS; step++) {
                    out[step][t][0] *= factor0;
                    out[step][t][1] *= factor1;
                    out[step][t][2] *= factor0;
                    out[step][t][3] *= factor1;
                }
            }
            const float subtract = finite_max(next);
#pragma unroll
            for (int n = 0; n < 2; n++) {
                const float p0 = exp2_fast(s[n][2 * t] - subtract), p1 = exp2_fast(s[n][2 * t + 1] - subtract);
                sum[t] += p0 + p1;
                weights[t][n] = pack2(p0, p1);
            }
        }
    }

    __device__ __forceinline__ void add(u32 values, const u32 (&weights)[QUERY_TILES][2]) {
#pragma unroll
        for (int step = 0; step < STEPS; step++) {
            // Transposed, matrices 0 and 1 are dims 0..7 and 8..15 of tokens 0..7, 2 and 3 the same of tokens 8..15: the order of `a` in multiply.
            u32 v[4];
            load_matrices_transposed(v, values + matrices_at(step));
#pragma unroll
            for (int t = 0; t < QUERY_TILES; t++) multiply(out[step][t], v, weights[t][0], weights[t][1]);
        }
    }

    // Leaves the accumulators as [GROUP][MERGE_ROW], maxima and sums as [16].
    __device__ __forceinline__ void finish(float* accumulators, float* maxima, float* sums) {
        const int lane = threadIdx.x & 31, g = lane >> 2, j = lane & 3;
#pragma unroll
        for (int t = 0; t < QUERY_TILES; t++) {
            sum[t] += __shfl_xor_sync(FULL_WARP, sum[t], 1);
            sum[t] += __shfl_xor_sync(FULL_WARP, sum[t], 2);
            if (j == 0) {
                maxima[8 * t + g] = maximum[t];
                sums[8 * t + g] = sum[t];
            }
#pragma unroll
            for (int step = 0; step < STEPS; step++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    const int row = 8 * t + 2 * j + (i & 1), dim = 16 * step + g + 8 * (i >> 1);
                    if (row < GROUP) accumulators[row * MERGE_ROW + dim] = out[step][t][i];
                }
            }
        }
    }
};

#else

// The same for f32. For the scores a lane has token lane % 8 and the pieces lane / 8 + 4i of its row; for the output, piece `lane` of all rows.
struct Accumulator {
    float maximum[GROUP], sum[GROUP]; // the same in all lanes; over the lane's token of each tile
    float4 out[GROUP];
    float scaleLog2;

    __device__ __forceinline__ void start(float scale) {
        scaleLog2 = scale * LOG2E;
#pragma unroll
        for (int r = 0; r < GROUP; r++) {
            maximum[r] = NEGATIVE_INFINITY;
            sum[r] = 0.0f;
            out[r] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        }
    }

    // queries: shared, [GROUP][HEAD_DIM].
    __device__ __forceinline__ void score(float (&s)[GROUP], const char* keys, const float* queries) const {
        const int lane = threadIdx.x & 31;
#pragma unroll
        for (int r = 0; r < GROUP; r++) s[r] = 0.0f;
#pragma unroll 2
        for (int i = 0; i < ROW_PIECES / 4; i++) {
            const int piece = (lane >> 3) + 4 * i;
            const float4 k = *(const float4*)(keys + Tiles::position(lane & 7, piece));
#pragma unroll
            for (int r = 0; r < GROUP; r++) {
                const float4 x = *(const float4*)(queries + r * HEAD_DIM + 4 * piece);
                s[r] = fmaf(x.x, k.x, fmaf(x.y, k.y, fmaf(x.z, k.z, fmaf(x.w, k.w, s[r]))));
            }
        }
#pragma unroll
        for (int r = 0; r < GROUP; r++) {
            s[r] += __shfl_xor_sync(FULL_WARP, s[r], 8);
            s[r] += __shfl_xor_sync(FULL_WARP, s[r], 16);
        }
    }

    // Leaves the weights in shared memory, [TILE][WEIGHT_ROW]; the caller's warp barrier must follow.
    __device__ __forceinline__ void weigh(float* weights, float (&s)[GROUP], int present) {
        const int lane = threadIdx.x & 31, token = lane & 7;
#pragma unroll
        for (int r = 0; r < GROUP; r++) {
            const float score = token < present ? s[r] * scaleLog2 : NEGATIVE_INFINITY;
            float next = score;
            next = fmaxf(next, __shfl_xor_sync(FULL_WARP, next, 1));
            next = fmaxf(next, __shfl_xor_sync(FULL_WARP, next, 2));
            next = fmaxf(next, __shfl_xor_sync(FULL_WARP, next, 4));
            next = fmaxf(next, maximum[r]);
            const float factor = exp2f(maximum[r] - finite_max(next)), weight = exp2f(score - finite_max(next));
            maximum[r] = next;
            sum[r] = fmaf(sum[r], factor, weight);
            out[r].x *= factor;
            out[r].y *= factor;
            out[r].z *= factor;
            out[r].w *= factor;
            if (lane < TILE) weights[token * WEIGHT_ROW + r] = weight;
        }
    }

    __device__ __forceinline__ void add(const char* values, const float* weights) {
        const int lane = threadIdx.x & 31;
        if (lane >= ROW_PIECES) return;
#pragma unroll
        for (int token = 0; token < TILE; token++) {
            const float4 v = *(const float4*)(values + Tiles::position(token, lane));
#pragma unroll
            for (int r = 0; r < GROUP; r++) {
                const float weight = weights[token * WEIGHT_ROW + r];
                out[r].x = fmaf(weight, v.x, out[r].x);
                out[r].y = fmaf(weight, v.y, out[r].y);
                out[r].z = fmaf(weight, v.z, out[r].z);
                out[r].w = fmaf(weight, v.w, out[r].w);
            }
        }
    }

    __device__ __forceinline__ void finish(float* accumulators, float* maxima, float* sums) {
        const int lane = threadIdx.x & 31;
#pragma unroll
        for (int r = 0; r < GROUP; r++) {
            sum[r] += __shfl_xor_sync(FULL_WARP, sum[r], 1);
            sum[r] += __shfl_xor_sync(FULL_WARP, sum[r], 2);
            sum[r] += __shfl_xor_sync(FULL_WARP, sum[r], 4);
            if (lane == 0) {
                maxima[r] = maximum[r];
                sums[r] = sum[r];
            }
            if (lane < ROW_PIECES) *(float4*)(accumulators + r * MERGE_ROW + 4 * lane) = out[r];
        }
    }
};

#endif

extern "C" __global__ void __launch_bounds__(32 * WARPS)
attend_decode(float* partial, const T* q, const char* kv, const int* view, float scale, int heads, int kvHeads, int block, long long slotBytes, int splits) {
    extern __shared__ __align__(128) char memory[]; // a ring for each warp
    __shared__ float maxima[WARPS][16], sums[WARPS][16];
    if (heads != GROUP * kvHeads) __trap(); // compiled for another model

    start_kernel_behind();
    wait_for_kernel_ahead();
    const int split = blockIdx.x, kvHead = blockIdx.y, index = blockIdx.z;
    const int sequences = view[0];
    const Sequence sequence = sequence_of(view, index);
    const int length = split_tokens(view, gridDim.z, splits);
    const int begin = split * length, end = min(begin + length, sequence.tokens);
    if (index >= sequences || sequence.queries != 1 || begin >= end) return; // attend_combine knows which splits are empty

    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
    char* const ring = memory + warp * STAGES * STAGE_BYTES;
    const long long headBytes = (long long)block * ROW_BYTES;
    Tiles tiles = {kv + kvHead * headBytes, sequence.slots, slotBytes, kvHeads * headBytes, begin, end, block, lane, shared_address(ring), 0};
    const int splitTiles = (end - begin + TILE - 1) / TILE, ownTiles = (splitTiles - warp + WARPS - 1) / WARPS; // 0 or less: none

    int slots[STAGES];
#pragma unroll
    for (int i = 0; i < STAGES; i++) slots[i] = tiles.slot(i);
    const T* queries = q + ((long long)sequence.firstRow * heads + kvHead * GROUP) * HEAD_DIM;
#pragma unroll
    for (int i = 0; i < STAGES - 1; i++) tiles.fetch(i, slots[i]);
    int nextSlot = slots[STAGES - 1];

    Accumulator accumulator;
#if DTYPE == 0
    __shared__ __align__(16) float queriesShared[GROUP * HEAD_DIM];
    __shared__ float weightsShared[WARPS][TILE * WEIGHT_ROW];
    for (int i = threadIdx.x; i < GROUP * HEAD_DIM; i += 32 * WARPS) queriesShared[i] = queries[i];
    __syncthreads();
    accumulator.start(scale);
#else
    accumulator.start(queries, scale);
#endif

    for (int i = 0, readStage = 0; i < ownTiles; i++) {
        // All lanes have read tile i - 1, whose stage tile i + STAGES - 1 takes.
        __syncwarp();
        tiles.fetch(i + STAGES - 1, nextSlot);
        nextSlot = tiles.slot(i + STAGES);
        const char* stage = ring + readStage * STAGE_BYTES;
        readStage = readStage + 1 == STAGES ? 0 : readStage + 1;
        const int present = end - tiles.first_token(i);

        // 2 (STAGES + i) groups are committed; K of tile i is group 2i, V is group 2i + 1. Each lane waits for its own copies, the barrier shows
        // them to the others.
        wait_copies<2 * STAGES - 1>();
        __syncwarp();
#if DTYPE == 0
        float s[GROUP];
        accumulator.score(s, stage, queriesShared);
        accumulator.weigh(weightsShared[warp], s, present);
        wait_copies<2 * STAGES - 2>();
        __syncwarp();
        accumulator.add(stage + HALF_STAGE_BYTES, weightsShared[warp]);
#else
        float s[2][4];
        u32 weights[QUERY_TILES][2];
        accumulator.score(s, shared_address(stage));
        accumulator.weigh(weights, s, present);
        wait_copies<2 * STAGES - 2>();
        __syncwarp();
        accumulator.add(shared_address(stage + HALF_STAGE_BYTES), weights);
#endif
    }
    wait_copies<0>();
    __syncwarp();
    accumulator.finish((float*)ring, maxima[warp], sums[warp]);
    __syncthreads();

    // Merges the warps; one without a tile has maximum -inf, sum 0 and zeros.
    float* rows = partial + (((long long)index * heads + kvHead * GROUP) * splits + split) * PARTIAL_ROW;
    for (int i = threadIdx.x; i < GROUP * HEAD_DIM; i += 32 * WARPS) {
        const int r = i / HEAD_DIM, dim = i % HEAD_DIM;
        float maximum = maxima[0][r];
#pragma unroll
        for (int w = 1; w < WARPS; w++) maximum = fmaxf(maximum, maxima[w][r]);
        const float subtract = finite_max(maximum);
        float value = 0.0f, sum = 0.0f;
#pragma unroll
        for (int w = 0; w < WARPS; w++) {
            const float factor = exp2_fast(maxima[w][r] - subtract);
            value = fmaf(factor, ((const float*)(memory + w * STAGES * STAGE_BYTES))[r * MERGE_ROW + dim], value);
            sum = fmaf(factor, sums[w][r], sum);
        }
        float* row = rows + (long long)r * splits * PARTIAL_ROW;
        row[dim] = value;
        if (dim == 0) {
            row[HEAD_DIM] = maximum;
            row[HEAD_DIM + 1] = sum;
        }
    }
}

extern "C" __global__ void __launch_bounds__(128) attend_combine(T* out, const float* partial, const int* view, int heads, int splits) {
    __shared__ float4 values[4][HEAD_DIM / 4];
    __shared__ float sums[4];
    start_kernel_behind();
    wait_for_kernel_ahead();
    const int head = blockIdx.x, index = blockIdx.y;
    const int sequences = view[0];
    const Sequence sequence = sequence_of(view, index);
    const int length = split_tokens(view, gridDim.y, splits);
    if (index >= sequences || sequence.queries != 1) return;
    const int used = min((sequence.tokens + length - 1) / length, splits); // the splits that hold tokens are the first ones

    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
    const float* rows = partial + ((long long)index * heads + head) * splits * PARTIAL_ROW;
    float maximum = NEGATIVE_INFINITY;
    for (int s = lane; s < used; s += 32) maximum = fmaxf(maximum, rows[(long long)s * PARTIAL_ROW + HEAD_DIM]);
    const float subtract = finite_max(warp_max(maximum));

    // Each warp adds every fourth split, a lane four dims.
    float4 value = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float sum = 0.0f;
#pragma unroll 4
    for (int s = warp; s < used; s += 4) {
        const float* row = rows + (long long)s * PARTIAL_ROW;
        const float2 state = *(const float2*)(row + HEAD_DIM);
        const float factor = exp2_fast(state.x - subtract);
        sum = fmaf(factor, state.y, sum);
        if (lane < HEAD_DIM / 4) {
            const float4 v = *(const float4*)(row + 4 * lane);
            value.x = fmaf(factor, v.x, value.x);
            value.y = fmaf(factor, v.y, value.y);
            value.z = fmaf(factor, v.z, value.z);
            value.w = fmaf(factor, v.w, value.w);
        }
    }
    if (lane < HEAD_DIM / 4) values[warp][lane] = value;
    if (lane == 0) sums[warp] = sum;
    __syncthreads();
    if (threadIdx.x < HEAD_DIM) {
        const int dim = threadIdx.x;
        const float* v = (const float*)values;
        const float total = v[dim] + v[HEAD_DIM + dim] + v[2 * HEAD_DIM + dim] + v[3 * HEAD_DIM + dim];
        out[((long long)sequence.firstRow * heads + head) * HEAD_DIM + dim] = from_float(total / (sums[0] + sums[1] + sums[2] + sums[3]));
    }
}
