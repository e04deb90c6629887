// Scores a sequence's live blocks by the window's queries, selects those that stay, and moves their rows up (docs/algorithm.md, Prefill 2). Also argmax.
// builds: DTYPE=0,1,2 HEAD_DIM=32,64,80,96,128 arch=80,86,89,90a,100,120
// builds: DTYPE=0,1,2 HEAD_DIM=2,250,256 arch=80,90a
//
//   r_u = mean of the keys of unit u (per KV head);  p = softmax over all units of (scale * q . r_u);  unit score = sum of p over heads and window rows
//   block score = max, mean or sum over its units;  kept = protected blocks + the best candidates, ties to the lower rank
//
// Launched one after another: unit_keys, score_logits, score_rows, score_units (these per pass), block_scores, select_blocks, keep_rows; signatures, grids and
// scratch sizes in docs/cuda.md. A pass covers `rows` query rows (window * group of them a KV head) of some KV heads, so that the scratch is bounded by the host's
// choice. Float32 throughout: a product in tf32 (3e-4) would swap blocks whose scores are close. Every sum has a fixed order: same passes, same bits.
//
// 64K tokens of Llama-3.1-8B in bf16 (window 64, units of 8): M = 2048 query rows, N = 8192 units, d = 128.
//   unit_keys     134 MB of K read, 34 MB written: 50 us at 3.35 TB/s
//   score_logits  2 M N d = 4.3 GFLOP: 64 us at 67 TFLOP/s; 67 MB written
//   score_rows    67 MB read: 20 us (much of it from the 50 MB of L2)
//   score_units   67 MB read: 20 us
// Measured on an H100: 66, 120, 34, 34 us, all kernels of a decision 248 us. Figures: docs/kernels/misc.md.
#include "common.cuh"

#ifndef HEAD_DIM
#error "HEAD_DIM is not defined"
#endif
static_assert(HEAD_DIM % 2 == 0 && HEAD_DIM >= 2 && HEAD_DIM <= 256, "the head dimension must be even and at most 256");

// Below every finite float: the largest of nothing. Not -infinity, whose difference from itself is NaN.
constexpr float LOWEST = -3.4028234e38f;

__device__ __forceinline__ float minus_infinity() {
    return __uint_as_float(0xff800000u);
}

// Row length of logits and sums: units rounded up, so that rows are read in float4.
__device__ __forceinline__ int stride_of(int units) {
    return (units + 3) / 4 * 4;
}

// Elements of a key that a thread of unit_keys sums.
constexpr int SHARE = HEAD_DIM % VECTOR == 0 ? VECTOR : 1;
constexpr int SHARES = HEAD_DIM / SHARE;

// keys[h][u] = mean of the unit's keys of KV head firstKvHead + h, float32 [passHeads][units][HEAD_DIM]. Grid (ceil(units * SHARES / 256), passHeads), block 256.
// The threads of a unit read its tokens one after another, each a whole row of HEAD_DIM: a unit is contiguous in the pool unless it crosses a slot.
extern "C" __global__ void __launch_bounds__(256) unit_keys(float* keys, const char* kv, const int* view, int sequence, int firstKvHead, int kvHeads, int poolBlock,
        long long slotBytes, int liveTokens, int block, int unit, int units) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    const int index = blockIdx.x * 256 + threadIdx.x;
    const int u = index / SHARES, share = index % SHARES;
    if (u >= units) return;
    const int unitsPerBlock = (block + unit - 1) / unit;
    const int blockStart = u / unitsPerBlock * block;
    const int first = blockStart + u % unitsPerBlock * unit;
    // The last unit of a block may be short, and so may the last block.
    const int end = min(first + unit, min(blockStart + block, liveTokens));

    const int* slots = sequence_of(view, sequence).slots;
    const long long inSlot = (long long)(firstKvHead + blockIdx.y) * poolBlock * HEAD_DIM + share * SHARE;
    float sum[SHARE];
#pragma unroll
    for (int i = 0; i < SHARE; i++) sum[i] = 0.0f;
    for (int token = first; token < end;) {
        const int slot = token / poolBlock, offset = token % poolBlock;
        const int run = min(end - token, poolBlock - offset);
        const T* key = (const T*)(kv + slots[slot] * slotBytes) + inSlot + (long long)offset * HEAD_DIM;
#pragma unroll (SHARE == VECTOR ? 8 : 4)
        for (int t = 0; t < run; t++) {
            if constexpr (SHARE == VECTOR) {
                float v[VECTOR];
                load_vector(v, key + t * HEAD_DIM);
#pragma unroll
                for (int i = 0; i < VECTOR; i++) sum[i] += v[i];
            } else {
                sum[0] += to_float(key[t * HEAD_DIM]);
            }
        }
        token += run;
    }

    float* to = keys + ((long long)blockIdx.y * units + u) * HEAD_DIM + share * SHARE;
    const float tokens = (float)(end - first);
    if constexpr (SHARE % 4 == 0) {
#pragma unroll
        for (int i = 0; i < SHARE; i += 4) *(float4*)(to + i) = make_float4(sum[i] / tokens, sum[i + 1] / tokens, sum[i + 2] / tokens, sum[i + 3] / tokens);
    } else {
        to[0] = sum[0] / tokens;
    }
}

// Four elements of a row as they are loaded: 16-bit ones stay packed until they are stored, which saves two registers. `at` is a multiple of 4 less than
// HEAD_DIM + 8; behind the row's end are zeros.
#if DTYPE != 0
struct PackedFour {
    u32 low, high;

    __device__ __forceinline__ void load(const T* row, int at) {
        if constexpr (HEAD_DIM % 8 == 0) {
            const uint2 v = *(const uint2*)(row + at);
            low = v.x;
            high = v.y;
        } else {
            low = element(row, at) | element(row, at + 1) << 16;
            high = element(row, at + 2) | element(row, at + 3) << 16;
        }
    }

    __device__ __forceinline__ float4 values() const {
        return make_float4(to_float((u16)low), to_float((u16)(low >> 16)), to_float((u16)high), to_float((u16)(high >> 16)));
    }

    // The bits of zero are zero in both types.
    static __device__ __forceinline__ u32 element(const T* row, int at) { return at < HEAD_DIM ? row[at] : 0; }
};
#endif

struct FloatFour {
    float4 v;

    __device__ __forceinline__ void load(const float* row, int at) {
        if constexpr (HEAD_DIM % 8 == 0) {
            v = *(const float4*)(row + at);
        } else {
            v = make_float4(element(row, at), element(row, at + 1), element(row, at + 2), element(row, at + 3));
        }
    }

    __device__ __forceinline__ float4 values() const { return v; }

    static __device__ __forceinline__ float element(const float* row, int at) { return at < HEAD_DIM ? row[at] : 0.0f; }
};

#if DTYPE == 0
typedef FloatFour QueryFour;
#else
typedef PackedFour QueryFour;
#endif

// Rows of the product that a warp computes are 16 for each of RM, columns (units) 32 for each of RN; a thread's are 4 and 4 of them.
template <int WARPS_M, int WARPS_N, int RM, int RN>
struct LogitsTile {
    static constexpr int M = WARPS_M * RM * 16, N = WARPS_N * RN * 32, K = 8, THREADS = 32 * WARPS_M * WARPS_N;
    // Vectors of 4 along K that a thread brings of a tile of queries and of keys. A deeper K would spill: 64 sums, 16 operands and these fill 128 registers.
    static constexpr int QUERY_LOADS = (M * 2 + THREADS - 1) / THREADS, KEY_LOADS = N * 2 / THREADS;
    // The swizzle permutes within 32 columns.
    static constexpr int M_WIDTH = M < 32 ? 32 : M;

    // Tiles stand transposed, K above columns, so that a thread reads 4 neighbours at once. Column c of row k is stored at c ^ swizzle(k): the 2 x 16 threads of a
    // warp, which store the same element of their vectors along K, then meet 32 different banks.
    static __device__ __forceinline__ int swizzle(int k) { return (k >> 2 & 1) << 4; }

    static __device__ __forceinline__ void run(float* logits, const T* window, const float* keys, float scale, int heads, int kvHeads, int firstKvHead, int firstRow,
            int rows, int units) {
        __shared__ alignas(16) float queryTile[2][K][M_WIDTH];
        __shared__ alignas(16) float keyTile[2][K][N];
        const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
        const int m0 = blockIdx.y * M, n0 = blockIdx.x * N;
        const int group = heads / kvHeads;

        // Offsets, not pointers, for the sake of registers. Behind the last row or unit the last one stands in: what it gives is not stored or, in the padding of a
        // row of logits, not read.
        int queryRows[QUERY_LOADS], keyRows[KEY_LOADS];
        keys += (long long)blockIdx.z * units * HEAD_DIM;
#pragma unroll
        for (int i = 0; i < QUERY_LOADS; i++) {
            const int row = firstRow + min(m0 + (thread + i * THREADS) / 2, rows - 1);
            queryRows[i] = (row / group * heads + (firstKvHead + (int)blockIdx.z) * group + row % group) * HEAD_DIM;
        }
#pragma unroll
        for (int i = 0; i < KEY_LOADS; i++) keyRows[i] = min(n0 + (thread + i * THREADS) / 2, units - 1) * HEAD_DIM;

        const int along = thread % 2 * 4;
        QueryFour queries[QUERY_LOADS];
        FloatFour unitKeys[KEY_LOADS];
        auto load = [&](int k) {
#pragma unroll
            for (int i = 0; i < QUERY_LOADS; i++) queries[i].load(window + queryRows[i], k + along);
#pragma unroll
            for (int i = 0; i < KEY_LOADS; i++) unitKeys[i].load(keys + keyRows[i], k + along);
        };
        auto put = [&](int stage) {
#pragma unroll
            for (int i = 0; i < QUERY_LOADS; i++) {
                const int m = (thread + i * THREADS) / 2;
                if (m < M) {
                    const int column = m ^ swizzle(along);
                    const float4 v = queries[i].values();
                    queryTile[stage][along][column] = v.x;
                    queryTile[stage][along + 1][column] = v.y;
                    queryTile[stage][along + 2][column] = v.z;
                    queryTile[stage][along + 3][column] = v.w;
                }
            }
#pragma unroll
            for (int i = 0; i < KEY_LOADS; i++) {
                const int column = (thread + i * THREADS) / 2 ^ swizzle(along);
                const float4 v = unitKeys[i].values();
                keyTile[stage][along][column] = v.x;
                keyTile[stage][along + 1][column] = v.y;
                keyTile[stage][along + 2][column] = v.z;
                keyTile[stage][along + 3][column] = v.w;
            }
        };

        const int m = warp / WARPS_N * (RM * 16) + lane / 8 * 4, n = warp % WARPS_N * (RN * 32) + lane % 8 * 4;
        // m and n under both swizzles. m has no bit 4 where RM is 2, so that m + 16 under one is m under the other.
        static_assert(RM <= 2, "rows of a thread are found by bit 4");
        const int queryColumns[2] = {m, m ^ 16}, keyColumns[2] = {n, n ^ 16};
        float sums[RM * 4][RN * 4];
#pragma unroll
        for (int i = 0; i < RM * 4; i++) {
#pragma unroll
            for (int j = 0; j < RN * 4; j++) sums[i][j] = 0.0f;
        }
        constexpr int STEPS = (HEAD_DIM + K - 1) / K;
        load(0);
        put(0);
        __syncthreads();
#pragma unroll 1
        for (int step = 0; step < STEPS; step++) {
            const int stage = step & 1;
            if (step + 1 < STEPS) load((step + 1) * K);
#pragma unroll
            for (int k = 0; k < K; k++) {
                float a[RM * 4], b[RN * 4];
#pragma unroll
                for (int i = 0; i < RM; i++) *(float4*)(a + 4 * i) = *(const float4*)&queryTile[stage][k][queryColumns[(k >> 2) ^ i]];
#pragma unroll
                for (int j = 0; j < RN; j++) *(float4*)(b + 4 * j) = *(const float4*)&keyTile[stage][k][keyColumns[k >> 2] + 32 * j];
#pragma unroll
                for (int i = 0; i < RM * 4; i++) {
#pragma unroll
                    for (int j = 0; j < RN * 4; j++) sums[i][j] = fmaf(a[i], b[j], sums[i][j]);
                }
            }
            // The other stage was last read before the previous barrier.
            if (step + 1 < STEPS) {
                put(stage ^ 1);
                __syncthreads();
            }
        }

        const float toLog2 = scale * 1.44269504f;
        const int stride = stride_of(units);
#pragma unroll
        for (int i = 0; i < RM * 4; i++) {
            const int row = m0 + m + i / 4 * 16 + i % 4;
            if (row < rows) {
                float* to = logits + ((long long)blockIdx.z * rows + row) * stride + n0 + n;
#pragma unroll
                for (int j = 0; j < RN; j++) {
                    if (n0 + n + 32 * j < units) {
                        *(float4*)(to + 32 * j) =
                                make_float4(sums[i][4 * j] * toLog2, sums[i][4 * j + 1] * toLog2, sums[i][4 * j + 2] * toLog2, sums[i][4 * j + 3] * toLog2);
                    }
                }
            }
        }
    }
};

// logits[h * rows + i][u] = scale * log2(e) * (q . keys[h][u]) with the query of row firstRow + i of KV head firstKvHead + h (docs/cuda.md). 128 x 128 a block, 8 x 8 a
// thread: for each k a thread reads 16 floats of shared memory for 64 FMAs. Grid (ceil(units / 128), ceil(rows / 128), passHeads), block 256.
extern "C" __global__ void __launch_bounds__(256, 2) score_logits(float* logits, const T* window, const float* keys, float scale, int heads, int kvHeads, int firstKvHead,
        int firstRow, int rows, int units) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    LogitsTile<4, 2, 2, 2>::run(logits, window, keys, scale, heads, kvHeads, firstKvHead, firstRow, rows, units);
}

// The same in tiles of 16 x 128, for the few rows of decode. Grid (ceil(units / 128), ceil(rows / 16), passHeads), block 128.
extern "C" __global__ void __launch_bounds__(128) score_logits_few(float* logits, const T* window, const float* keys, float scale, int heads, int kvHeads, int firstKvHead,
        int firstRow, int rows, int units) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    LogitsTile<1, 4, 1, 1>::run(logits, window, keys, scale, heads, kvHeads, firstKvHead, firstRow, rows, units);
}

// stats[row] = (largest logit, 1 / sum of 2^(logit - largest)). Grid (passHeads * rows), block 256. One reading: a thread's sum is rescaled when its largest grows.
// A NaN logit is no maximum but makes the sum NaN, and so all scores, as a softmax of it is.
extern "C" __global__ void __launch_bounds__(256) score_rows(float* stats, const float* logits, int units) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    const int stride = stride_of(units);
    const float4* row = (const float4*)(logits + (long long)blockIdx.x * stride);
    float largest = LOWEST, sum = 0.0f;
#pragma unroll 4
    for (int v = threadIdx.x; v < stride / 4; v += 256) {
        float4 x = row[v];
        if (4 * v + 3 >= units) {
            // What stands in the padding counts as 2^-infinity.
            x.w = minus_infinity();
            if (4 * v + 2 >= units) x.z = minus_infinity();
            if (4 * v + 1 >= units) x.y = minus_infinity();
        }
        const float next = fmaxf(fmaxf(fmaxf(x.x, x.y), fmaxf(x.z, x.w)), largest);
        sum = sum * exp2f(largest - next) + (exp2f(x.x - next) + exp2f(x.y - next) + exp2f(x.z - next) + exp2f(x.w - next));
        largest = next;
    }

    __shared__ float parts[8];
    const float ofWarp = warp_max(largest);
    if ((threadIdx.x & 31) == 0) parts[threadIdx.x >> 5] = ofWarp;
    __syncthreads();
    float ofRow = parts[0];
#pragma unroll
    for (int i = 1; i < 8; i++) ofRow = fmaxf(ofRow, parts[i]);
    sum = block_sum(sum * exp2f(largest - ofRow));
    if (threadIdx.x == 0) ((float2*)stats)[blockIdx.x] = make_float2(ofRow, 1.0f / sum);
}

// sums[part][u] = (accumulate ? sums[part][u] : 0) + sum over the part's rows of p. Part y has the rows y * ceil(rows / PARTS) on. Grid (ceil(units / 128), PARTS),
// block 256: a warp adds every 8th row of the part for 128 units, then the block the 8 warps in order.
extern "C" __global__ void __launch_bounds__(256) score_units(float* sums, const float* logits, const float* stats, int rows, int units, int accumulate) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    __shared__ float4 parts[8][32];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int column = blockIdx.x * 128 + lane * 4, stride = stride_of(units);
    const int perPart = (rows + gridDim.y - 1) / gridDim.y;
    const int first = blockIdx.y * perPart, end = min(first + perPart, rows);
    float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    if (column < units) {
#pragma unroll 4
        for (int r = first + warp; r < end; r += 8) {
            const float4 x = *(const float4*)(logits + (long long)r * stride + column);
            const float2 row = ((const float2*)stats)[r];
            sum.x += exp2f(x.x - row.x) * row.y;
            sum.y += exp2f(x.y - row.x) * row.y;
            sum.z += exp2f(x.z - row.x) * row.y;
            sum.w += exp2f(x.w - row.x) * row.y;
        }
    }
    parts[warp][lane] = sum;
    __syncthreads();
    if (warp == 0 && column < units) {
        float4* to = (float4*)(sums + (long long)blockIdx.y * stride + column);
        float4 all = accumulate ? *to : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            const float4 part = parts[i][lane];
            all.x += part.x;
            all.y += part.y;
            all.z += part.z;
            all.w += part.w;
        }
        *to = all;
    }
}

// scores[rank] of its units' sums: aggregation 0 the largest, 1 the mean, 2 the sum. Grid (ceil(liveBlocks / 8)), block 256: a warp a block.
extern "C" __global__ void __launch_bounds__(256) block_scores(float* scores, const float* sums, int parts, int units, int unitsPerBlock, int liveBlocks, int aggregation) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    const int rank = blockIdx.x * 8 + (threadIdx.x >> 5), lane = threadIdx.x & 31;
    if (rank >= liveBlocks) return;
    const int first = rank * unitsPerBlock, end = min(first + unitsPerBlock, units), stride = stride_of(units);
    float best = 0.0f, sum = 0.0f;
    for (int u = first + lane; u < end; u += 32) {
        float score = 0.0f;
        for (int part = 0; part < parts; part++) score += sums[(long long)part * stride + u];
        best = fmaxf(best, score);
        sum += score;
    }
    best = warp_max(best);
    sum = warp_sum(sum);
    if (lane == 0) {
        // A maximum forgets NaN, the sum does not.
        const bool isNan = sum != sum;
        scores[rank] = aggregation == 0 && !isNan ? best : aggregation == 1 ? sum / (end - first) : sum;
    }
}

// Rises with the score; NaN, the worst, is 0, and both zeros are one.
__device__ __forceinline__ u32 order_of(float score) {
    if (score != score) return 0;
    if (score == 0.0f) score = 0.0f;
    const u32 bits = __float_as_uint(score);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

// kept = ranks that stay, ascending: the first headBlocks, the last tailBlocks, and the keptBlocks - headBlocks - tailBlocks best of those between; of equal scores
// the lower ranks. Grid 1, block 1024. A radix select over 4 x 8 bits finds the lowest order that stays and how many ties of it do; then each thread writes those of
// its own range of candidates. Counts are integers, so the result depends on no timing.
extern "C" __global__ void __launch_bounds__(1024) select_blocks(int* kept, const float* scores, int liveBlocks, int headBlocks, int tailBlocks, int keptBlocks) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    __shared__ u32 histogram[256];
    __shared__ u32 chosenBin;
    __shared__ int chosenTies;
    __shared__ u64 warpCounts[32];
    const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
    const int candidates = liveBlocks - headBlocks - tailBlocks, staying = keptBlocks - headBlocks - tailBlocks;
    const float* from = scores + headBlocks;

    for (int i = thread; i < headBlocks; i += 1024) kept[i] = i;
    for (int i = thread; i < tailBlocks; i += 1024) kept[keptBlocks - tailBlocks + i] = liveBlocks - tailBlocks + i;
    if (staying <= 0) return;

    // Candidates of a higher order than this stay, and the first `ties` of this order.
    u32 lowest = 0;
    int ties = staying;
    if (staying < candidates) {
        u32 known = 0;
        for (int shift = 24; shift >= 0; shift -= 8) {
            if (thread < 256) histogram[thread] = 0;
            __syncthreads();
            for (int first = 0; first < candidates; first += 1024) {
                const int i = first + thread;
                const u32 order = i < candidates ? order_of(from[i]) : 0;
                const bool counts = i < candidates && (order & known) == lowest;
                const u32 bin = order >> shift & 255;
                // Scores share their high bits, so that most of a warp adds to one bin: those that agree with the first add at once.
                const u32 active = __ballot_sync(0xffffffffu, counts);
                if (active != 0) {
                    const int leader = __ffs(active) - 1;
                    const u32 leaderBin = __shfl_sync(0xffffffffu, bin, leader);
                    const u32 same = __ballot_sync(0xffffffffu, counts && bin == leaderBin);
                    if (lane == leader) {
                        atomicAdd(&histogram[leaderBin], (u32)__popc(same));
                    } else if (counts && bin != leaderBin) {
                        atomicAdd(&histogram[bin], 1u);
                    }
                }
            }
            __syncthreads();
            if (warp == 0) {
                // Lane 0 has the highest 8 bins. `above` counts what lies in higher bins than the lane's.
                const int top = 255 - 8 * lane;
                int own = 0;
#pragma unroll
                for (int i = 0; i < 8; i++) own += histogram[top - i];
                int above = own;
#pragma unroll
                for (int distance = 1; distance < 32; distance *= 2) {
                    const int lower = __shfl_up_sync(0xffffffffu, above, distance);
                    if (lane >= distance) above += lower;
                }
                above -= own;
                if (above < ties && ties <= above + own) {
                    int bin = top;
                    while (above + (int)histogram[bin] < ties) above += histogram[bin--];
                    chosenBin = bin;
                    chosenTies = ties - above;
                }
            }
            __syncthreads();
            lowest |= chosenBin << shift;
            known |= 255u << shift;
            ties = chosenTies;
        }
    }

    // Each thread has neighbouring candidates. Higher half of a count: those above; lower half: ties.
    const int each = (candidates + 1023) / 1024;
    const int first = min(thread * each, candidates), end = min(first + each, candidates);
    u64 own = 0;
    for (int i = first; i < end; i++) {
        const u32 order = order_of(from[i]);
        own += order > lowest ? 1ull << 32 : order == lowest ? 1 : 0;
    }
    u64 before = own;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
        const u64 lower = __shfl_up_sync(0xffffffffu, before, distance);
        if (lane >= distance) before += lower;
    }
    if (lane == 31) warpCounts[warp] = before;
    before -= own;
    __syncthreads();
    for (int i = 0; i < warp; i++) before += warpCounts[i];

    int tie = (int)(u32)before;
    int at = headBlocks + (int)(before >> 32) + min(tie, ties);
    for (int i = first; i < end; i++) {
        const u32 order = order_of(from[i]);
        if (order > lowest || (order == lowest && tie++ < ties)) kept[at++] = headBlocks + i;
    }
}

// Moves the columns [first, first + width) of the kept rows up; E is 4 or 16 bytes and columns count E.
template <class E>
__device__ __forceinline__ void keep_slice(E* out, const E* in, const int* kept, int keptTokens, int columns, int block, int first, int width) {
    constexpr int ROWS = 4;
    const int together = blockDim.x / width;
    const int row = threadIdx.x / width, column = first + threadIdx.x % width;
    const bool works = row < together;
    E now[ROWS], next[ROWS];
    auto load = [&](E* to, int base) {
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            const int r = base + i * together + row;
            if (works && r < keptTokens) to[i] = in[((long long)__ldg(kept + r / block) * block + r % block) * columns + column];
        }
    };
    load(now, 0);
    for (int base = 0; base < keptTokens; base += ROWS * together) {
        // Before the stores, to keep loads in flight: these rows come from behind base + ROWS * together, where this round's stores do not reach.
        load(next, base + ROWS * together);
        // All loads of `now` come before the first store over them.
        __syncthreads();
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            const int r = base + i * together + row;
            if (works && r < keptTokens) out[(long long)r * columns + column] = now[i];
            now[i] = next[i];
        }
    }
}

// out[r] = in[kept[r / block] * block + r % block] for r < keptTokens, 4-byte elements; out may be in. Row r comes from row r or one below it, so a block that owns
// some columns and walks the rows from the front never overwrites what it still needs, and blocks do not meet. Grid (ceil(columns / 32)), block 1024; any grid and
// block with columns / grid <= block are right. Bytes: 8 * keptTokens * columns; 16384 rows of 4096 are 537 MB, 160 us at 3.35 TB/s.
extern "C" __global__ void __launch_bounds__(1024) keep_rows(int* out, const int* in, const int* kept, int keptTokens, int columns, int block) {
    const int slice = ((columns + (int)gridDim.x - 1) / (int)gridDim.x + 3) / 4 * 4;
    const int first = blockIdx.x * slice, width = min(slice, columns - first);
    if (width <= 0) return;
    if (columns % 4 == 0 && aligned16(out) && aligned16(in)) {
        keep_slice((int4*)out, (const int4*)in, kept, keptTokens, columns / 4, block, first / 4, width / 4);
    } else {
        keep_slice(out, in, kept, keptTokens, columns, block, first, width);
    }
}

// Whether (a, i) comes before (b, j): larger, or as large and of lower index.
__device__ __forceinline__ bool precedes(float a, int i, float b, int j) {
    return a > b || (a == b && i < j);
}

// out[r] = index of the largest of logits[r], the lowest of equals; -1 where one is NaN or +infinity or all are -infinity, of which no token can be chosen. Grid
// (rows), block 1024. A vocabulary of 128,256 is 513 KB, which the
// output layer just left in L2.
extern "C" __global__ void __launch_bounds__(1024) argmax(int* out, const float* logits, int rows, int columns) {
    start_kernel_behind();
    wait_for_kernel_ahead();
    __shared__ float values[32];
    __shared__ int indices[32];
    const float* row = logits + (long long)blockIdx.x * columns;
    float best = minus_infinity();
    int index = 0x7fffffff;
    int invalid = 0;
    auto see = [&](float x, int i) {
        invalid |= !(x < -minus_infinity());
        if (precedes(x, i, best, index)) {
            best = x;
            index = i;
        }
    };
    if (columns % 4 == 0 && aligned16(logits)) {
#pragma unroll 4
        for (int v = threadIdx.x; v < columns / 4; v += 1024) {
            const float4 x = ((const float4*)row)[v];
            see(x.x, 4 * v);
            see(x.y, 4 * v + 1);
            see(x.z, 4 * v + 2);
            see(x.w, 4 * v + 3);
        }
    } else {
        for (int i = threadIdx.x; i < columns; i += 1024) see(row[i], i);
    }

    auto ofWarp = [&]() {
#pragma unroll
        for (int other = 16; other > 0; other >>= 1) {
            const float x = __shfl_xor_sync(0xffffffffu, best, other);
            const int i = __shfl_xor_sync(0xffffffffu, index, other);
            if (precedes(x, i, best, index)) {
                best = x;
                index = i;
            }
        }
    };
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    ofWarp();
    if (lane == 0) {
        values[warp] = best;
        indices[warp] = index;
    }
    invalid = __syncthreads_or(invalid);
    if (warp == 0) {
        best = values[lane];
        index = indices[lane];
        ofWarp();
        if (lane == 0) out[blockIdx.x] = invalid || best == minus_infinity() ? -1 : index;
    }
}
