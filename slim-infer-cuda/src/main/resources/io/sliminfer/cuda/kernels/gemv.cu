// builds: DTYPE=0,1,2 arch=80,86,89,90a,100,120
//
// Products of 1 to 8 rows with a weight matrix, for decoding: out[i, r] = sum_c in[i, c] * w[r, c] (+ bias[r]), sums in f32.
//   in [rows, k], w [n, k], out [rows, n]; gemv_t writes T, gemv_f f32, gemv_add adds to f32, gemv_gated writes silu(gate) * up with gate = rows
//   0 .. inner - 1 of w and up = rows inner .. 2 * inner - 1.
// Grid ceil(n / 16) or fewer blocks (they then take several tiles each), block 32 * WARPS, dynamic shared memory WARPS * STAGES * 16 * DEPTH * 2
// bytes (f32: 0). Deterministic: each sum has one order. The host chooses WARPS, STAGES, DEPTH and the grid (GemvShape).
//
// Bytes: n * k * sizeof(T), each once; FLOPs 2 * rows * n * k: bound by memory. Floor: 14336 x 4096 bf16 is 117 MB, 35 us at the H100's 3.35 TB/s on
// paper. Measured on an H100 for 1 row: 94 to 97 % of the speed of a plain read for 6144 x 4096, 28672 x 4096 and 4096 x 14336; variants and figures:
// docs/kernels/decode.md.
//
// 16-bit types: a block makes 16 rows of w; its warps share k, each taking every WARPS-th piece of DEPTH columns into its own ring of STAGES pieces in
// shared memory by cp.async, across the borders of tiles, without block barriers; the next tile's weights are on their way while one tile's
// sums are put together. Products are mma.m16n8k16 with 16 rows of w and all (up to 8) rows of `in` as columns: w is never
// converted, and 8 rows cost what 1 costs. Since columns may be paired in any order if both operands do it, thread j of 4 takes 8 columns at 8j in one
// load and uses them as two steps' operands. Rows of `in` come straight from L1/L2, one piece ahead.
// f32, and rows that are not 16-byte aligned: plain FMA, lanes along k.
#include "common.cuh"

#ifndef WARPS
#define WARPS 8
#endif
#ifndef STAGES
#define STAGES 3
#endif
#ifndef DEPTH
#define DEPTH 128
#endif

#define TILE_ROWS 16
#define MAX_ROWS 8
#define FULL_WARP 0xffffffffu

// The warps' sums of a tile, [row of in][row of w]; 20 keeps the 32 stores of a warp in 32 banks. Two buffers: one barrier a tile is enough.
#define SUM_ROW 20
typedef float Sums[WARPS][MAX_ROWS][SUM_ROW];

static_assert(WARPS % 2 == 0 && WARPS * 32 >= TILE_ROWS * MAX_ROWS, "half the warps make up rows, and each output has a thread");

#if DTYPE != 0

#define ROW_PIECES (DEPTH / 8) // of 16 bytes
#define STAGE_BYTES (TILE_ROWS * DEPTH * 2)
#define COPY_ROWS (32 / ROW_PIECES) // rows that one copy of the warp covers
static_assert(ROW_PIECES == 8 || ROW_PIECES == 16 || ROW_PIECES == 32, "rows of a stage are whole 128 bytes, and at most one copy long");

// c[16, 8] += a[16, 16] b[16, 8]. With g = lane / 4, j = lane % 4 a thread has of a: (g, 2j..), (g + 8, 2j..), (g, 2j + 8..), (g + 8, 2j + 8..);
// of b: (2j.., g), (2j + 8.., g); of c: (g, 2j), (g, 2j + 1), (g + 8, 2j), (g + 8, 2j + 1).
__device__ __forceinline__ void multiply(float (&c)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
#if DTYPE == 1
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
#endif
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// Byte in a stage of a row's piece. A quarter warp reads 4 pieces of two neighbouring rows: odd rows swap halves of 64 bytes, so these 8 lie in all banks.
__device__ __forceinline__ u32 position(int row, int piece) {
    return (row * ROW_PIECES + (piece ^ ((row & 1) << 2))) * 16;
}

// A warp's stream of weight pieces over the tiles of its block. PARTS is 2 for gate and up, then the upper half of the warps takes the up rows.
template <int PARTS>
struct Weights {
    const T* w;
    int n, k, tiles, lane;
    int member;     // of the warps that share this part's k
    int part;
    u32 ring;
    int writeStage;
    int tile, piece; // the next to fetch
    const T* source; // row lane / ROW_PIECES of its tile, at this lane's column of piece 0

    static constexpr int SHARERS = WARPS / PARTS;

    __device__ __forceinline__ Weights(const T* w, int n, int k, u32 ring)
        : w(w), n(n), k(k), tiles((n + TILE_ROWS - 1) / TILE_ROWS), lane(threadIdx.x & 31), member((threadIdx.x >> 5) % SHARERS), part((threadIdx.x >> 5) / SHARERS),
          ring(ring), writeStage(0), tile(blockIdx.x), piece(member) {
        locate();
        if (piece * DEPTH >= k) tile = tiles; // fewer pieces than warps: none for this one
    }

    __device__ __forceinline__ void locate() {
        source = w + (long long)(part * n + tile * TILE_ROWS + lane / ROW_PIECES) * k + lane % ROW_PIECES * 8;
    }

    // Starts the copy of the next piece as one group, an empty one behind the last. Rows from n and columns from k on become zeros without a read.
    __device__ __forceinline__ void fetch() {
        if (tile < tiles) {
            const u32 stage = ring + writeStage * STAGE_BYTES;
            const int row = lane / ROW_PIECES, column = lane % ROW_PIECES;
            const bool inside = piece * DEPTH + column * 8 < k;
            const T* from = source + piece * DEPTH;
#pragma unroll
            for (int i = 0; i < TILE_ROWS / COPY_ROWS; i++) {
                const int r = row + i * COPY_ROWS;
                copy_async(stage + position(r, column), from + (long long)(i * COPY_ROWS) * k, inside && tile * TILE_ROWS + r < n);
            }
            writeStage = writeStage + 1 == STAGES ? 0 : writeStage + 1;
            piece += SHARERS;
            if (piece * DEPTH >= k) {
                piece = member;
                tile += gridDim.x;
                locate();
            }
        }
        commit_copies();
    }
};

// This lane's columns of a piece of `in`: row g, 8 columns at 32 i + 8 j; zeros outside.
struct Inputs {
    uint4 v[DEPTH / 32];

    __device__ __forceinline__ void load(const T* in, int rows, int k, int piece) {
        const int lane = threadIdx.x & 31, g = lane >> 2, j = lane & 3;
#pragma unroll
        for (int i = 0; i < DEPTH / 32; i++) {
            const int column = piece * DEPTH + 32 * i + 8 * j;
            v[i] = make_uint4(0, 0, 0, 0);
            if (g < rows && column < k) v[i] = *(const uint4*)(in + (long long)g * k + column);
        }
    }
};

// Makes the sums of the block's tiles one after the other and hands each to `finish(tile, sums, warps that share a part)`.
template <int PARTS, typename Finish>
__device__ __forceinline__ void products_aligned(const T* in, const T* w, int rows, int n, int k, Sums* sums, Finish finish) {
    extern __shared__ __align__(128) char memory[];
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, j = lane & 3;
    char* const ring = memory + warp * STAGES * STAGE_BYTES;
    Weights<PARTS> weights(w, n, k, shared_address(ring));
    const int member = weights.member, tiles = weights.tiles;
    constexpr int SHARERS = Weights<PARTS>::SHARERS;
#pragma unroll
    for (int i = 0; i < STAGES - 1; i++) weights.fetch();
    wait_for_kernel_ahead(); // weights are nobody's output; `in` is

    Inputs inputs;
    inputs.load(in, rows, k, member);
    int readStage = 0, buffer = 0;
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        float c[2][4] = {};
        for (int piece = member; piece * DEPTH < k; piece += SHARERS) {
            // All lanes have read the piece whose stage the next one takes.
            __syncwarp();
            weights.fetch();
            Inputs next;
            const int nextPiece = piece + SHARERS;
            next.load(in, rows, k, nextPiece * DEPTH < k ? nextPiece : member);

            // STAGES - 1 groups have been committed behind this piece's. Each lane waits for its own copies, the barrier shows them to the others.
            wait_copies<STAGES - 1>();
            __syncwarp();
            const char* stage = ring + readStage * STAGE_BYTES;
            readStage = readStage + 1 == STAGES ? 0 : readStage + 1;
#pragma unroll
            for (int i = 0; i < DEPTH / 32; i++) {
                const uint4 low = *(const uint4*)(stage + position(g, 4 * i + j)), high = *(const uint4*)(stage + position(g + 8, 4 * i + j));
                multiply(c[0], low.x, high.x, low.y, high.y, inputs.v[i].x, inputs.v[i].y);
                multiply(c[1], low.z, high.z, low.w, high.w, inputs.v[i].z, inputs.v[i].w);
            }
            inputs = next;
        }
#pragma unroll
        for (int i = 0; i < 4; i++) sums[buffer][warp][2 * j + (i & 1)][g + 8 * (i >> 1)] = c[0][i] + c[1][i];
        __syncthreads();
        finish(tile, sums[buffer], SHARERS);
        buffer ^= 1; // the next tile's barrier is behind this tile's reads
    }
    wait_copies<0>();
}

#endif

// VECTOR elements of a row, as floats: 1, or 4 of f32.
template <int VECTOR>
__device__ __forceinline__ void load_elements(float (&to)[VECTOR], const T* from) {
    if constexpr (VECTOR == 4) {
        const float4 v = *(const float4*)from;
        to[0] = v.x;
        to[1] = v.y;
        to[2] = v.z;
        to[3] = v.w;
    } else {
        to[0] = to_float(*from);
    }
}

// The same as products_aligned without alignment (VECTOR 1) or for f32 (VECTOR 4). Of 8 warps two have each four rows of w: they share k, or are gate and up.
// ROWS >= rows; rows beyond the last repeat it, so that no load needs a condition.
template <int PARTS, int VECTOR, int ROWS, typename Finish>
__device__ __forceinline__ void products_plain(const T* in, const T* w, int rows, int n, int k, Sums* sums, Finish finish) {
    constexpr int WARP_ROWS = 2 * TILE_ROWS / WARPS;
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, half = warp / (WARPS / 2), group = warp % (WARPS / 2);
    const int step = PARTS == 2 ? 32 * VECTOR : 64 * VECTOR, start = (PARTS == 2 ? lane : 32 * half + lane) * VECTOR;
    const int tiles = (n + TILE_ROWS - 1) / TILE_ROWS;
    const int slot = PARTS == 2 ? half * (WARPS / 2) : half; // where finish looks for this half's sums
    wait_for_kernel_ahead();
    int buffer = 0;
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const T* weights[WARP_ROWS];
#pragma unroll
        for (int r = 0; r < WARP_ROWS; r++) {
            const int row = min(tile * TILE_ROWS + group * WARP_ROWS + r, n - 1) + (PARTS == 2 ? half * n : 0);
            weights[r] = w + (long long)row * k;
        }
        float c[WARP_ROWS][ROWS] = {};
#pragma unroll (ROWS > 2 ? 1 : 2)
        for (int column = start; column < k; column += step) {
            float a[WARP_ROWS][VECTOR];
#pragma unroll
            for (int r = 0; r < WARP_ROWS; r++) load_elements<VECTOR>(a[r], weights[r] + column);
#pragma unroll
            for (int i = 0; i < ROWS; i++) {
                float b[VECTOR];
                load_elements<VECTOR>(b, in + (long long)min(i, rows - 1) * k + column);
#pragma unroll
                for (int r = 0; r < WARP_ROWS; r++)
#pragma unroll
                    for (int e = 0; e < VECTOR; e++) c[r][i] = fmaf(a[r][e], b[e], c[r][i]);
            }
        }
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
#pragma unroll
            for (int r = 0; r < WARP_ROWS; r++) {
                const float sum = warp_sum(c[r][i]);
                if (lane == 0) sums[buffer][slot][i][group * WARP_ROWS + r] = sum;
            }
        }
        __syncthreads();
        finish(tile, sums[buffer], PARTS == 2 ? 1 : 2);
        buffer ^= 1;
    }
}

template <int PARTS, int VECTOR, typename Finish>
__device__ __forceinline__ void products_of_rows(const T* in, const T* w, int rows, int n, int k, Sums* sums, Finish finish) {
    // Each instance costs compile time, so the slow way has fewer.
    if (rows == 1) products_plain<PARTS, VECTOR, 1>(in, w, rows, n, k, sums, finish);
    else if (VECTOR == 4 && rows <= 4) products_plain<PARTS, VECTOR, VECTOR == 4 ? 4 : 8>(in, w, rows, n, k, sums, finish);
    else products_plain<PARTS, VECTOR, 8>(in, w, rows, n, k, sums, finish);
}

// Chooses the way, and calls write(row of in, row of w of the first part, its sum, the second part's sum or 0) for each output.
template <int PARTS, typename Write>
__device__ __forceinline__ void products(const T* in, const T* w, const float* bias, int rows, int n, int k, Write write) {
    __shared__ Sums sums[2];
    if (rows < 1 || rows > MAX_ROWS) __trap();
    start_kernel_behind();
    const auto finish = [&](int tile, const Sums& made, int sharers) {
        const int r = threadIdx.x % TILE_ROWS, i = threadIdx.x / TILE_ROWS, row = tile * TILE_ROWS + r;
        if (i >= rows || row >= n) return;
        float first = bias ? bias[row] : 0.0f, second = 0.0f;
        for (int s = 0; s < sharers; s++) first += made[s][i][r];
        if (PARTS == 2) {
            second = bias ? bias[n + row] : 0.0f;
            for (int s = 0; s < sharers; s++) second += made[WARPS / 2 + s][i][r];
        }
        write(i, row, first, second);
    };
    const bool aligned = ((u64)in & 15) == 0 && ((u64)w & 15) == 0 && k % (16 / (int)sizeof(T)) == 0;
#if DTYPE == 0
    if (aligned) products_of_rows<PARTS, 4>(in, w, rows, n, k, sums, finish);
#else
    if (aligned) products_aligned<PARTS>(in, w, rows, n, k, sums, finish);
#endif
    else products_of_rows<PARTS, 1>(in, w, rows, n, k, sums, finish);
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) gemv_t(T* out, const T* in, const T* w, const float* bias, int rows, int n, int k) {
    products<1>(in, w, bias, rows, n, k, [=](int i, int r, float sum, float) { out[(long long)i * n + r] = from_float(sum); });
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) gemv_f(float* out, const T* in, const T* w, const float* bias, int rows, int n, int k) {
    products<1>(in, w, bias, rows, n, k, [=](int i, int r, float sum, float) { out[(long long)i * n + r] = sum; });
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) gemv_add(float* x, const T* in, const T* w, const float* bias, int rows, int n, int k) {
    products<1>(in, w, bias, rows, n, k, [=](int i, int r, float sum, float) { x[(long long)i * n + r] += sum; });
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) gemv_gated(T* out, const T* in, const T* w, const float* bias, int rows, int inner, int k) {
    products<2>(in, w, bias, rows, inner, k, [=](int i, int r, float gate, float up) { out[(long long)i * inner + r] = from_float(gate / (1.0f + expf(-gate)) * up); });
}
