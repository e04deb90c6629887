// builds: DTYPE=2 FORM=1,2,3,4,5,7,8,0,6 STAGES=3 ONE_STAGES=3 arch=80,90a
// builds: DTYPE=0,1 FORM=5,8,0,6 STAGES=2,4 ONE_STAGES=2 arch=80,86,89,90a,100,120
//
// Weights that stay packed in device memory: int8 with a scale for each row, and GGUF's block formats with their values exactly as they are.
//   FORM 0 INT8   w = q * scale[row], q signed, 8 bits
//        1 Q8_0   w = q * d, q signed                             2 Q4_0  w = (q - 8) * d       3 Q4_1  w = q * d + m
//        4 Q5_0   w = (q - 16) * d                                5 Q5_1  w = q * d + m
//        6 Q4_K, 7 Q5_K   w = q * (d * s) - dmin * m, s and m integers of 6 bits for 32 columns, d and dmin for 256
//        8 Q6_K   w = (q - 32) * (d * s), s a signed byte for 16 columns, d for 256
// d, m, dmin are float16, for 32 columns where nothing else is said. Equal to io.sliminfer.format.GgufBlocks to the last bit in float32.
//
// Layout. A weight [rows, k], k a multiple of 32, is cut into tiles of 16 rows, a tile into pieces of 256 columns (8 blocks of 32); piece p of tile t
// starts at (t * ceil(k / 256) + p) * PIECE_BYTES. So a tile is read from front to back. What is missing of the last tile and the last piece is zeros.
// Within a piece lie planes. Of the quants, 8 or 4 bits of each come first, in the order in which the lanes of a warp need them for mma.m16n8k16: lane
// 4 g + j has rows g and g + 8 and of each block the 8 columns 8 j .. 8 j + 7 (FORM 8: 4 j .. 4 j + 3 and 16 more), and finds them in 16-byte vectors at
// its own place. Then the 5th, or 5th and 6th, bits, then scales, a row after the other.
//   8 bits: vector (p, h) of the warp, p = block / 2, h = row / 8, at (2 p + h) * 512 + lane * 16: 8 bytes of block 2 p, 8 of the next. Four columns are a
//           word, in the order 0, 2, 1, 3, so that halves of words are neighbours.
//   4 bits: vector (q, h), q = block / 4, at (2 q + h) * 512 + lane * 16: a word a block; column c of 8 is nibble c / 2 + 4 (c % 2).
//   5th:    for each lane 16 bytes at 2048 + lane * 16: word 2 h + q; column c of block b is bit 4 (b % 4) + c / 2 + 16 (c % 2).
//   5th and 6th: vector h at 2048 + h * 512 + lane * 16: a word for 2 blocks; column c of block b is bits 2 (4 (b % 2) + c / 2) + 16 (c % 2) and the next.
//   scales: 16 bytes a row: D 8 float16 d; DM that, and in a second plane m; K 8 bytes s, 8 bytes m, and in a second plane d, dmin; SIX 16 bytes s + 128,
//           and in a second plane d.
//
// Products of 1 to 8 rows: as gemv.cu, from which the design is (rings of cp.async, warps sharing k, mma with 16 rows of w and the rows of `in` as
// columns). Integers below 256 are exact in bf16 and float16, so quants go through the tensor core as they are: each block of 32 (or 16) columns makes a
// sum of its own, which is multiplied by its scale in float32. Quants of 4 to 6 bits have 16 to 64 added, which saves unpacking a subtraction; it comes
// off again, with the offset, as a multiple of the block's sum of `in`, which a product with ones makes and minima need too. So no weight is ever rounded.
// Of one row the 8 blocks of a piece are the columns: all are multiplied by each block, and of the product the block's own column is kept. Then a lane
// scales 4 sums of a piece instead of 32. Each sum has one order, whatever the number of rows is. f32: plain FMA.
//
// Bytes: n * k times 8.0, 8.5, 4.5, 5, 5.5, 6, 4.625, 5.625, 6.5625 bits for FORM 0 .. 8. Instructions: at 3 TB/s an H100 has 9.5 lane cycles for a weight
// of 8 bits and 5.1 for one of 4.5; unpacking takes 1.75 (8 bits) and 1.4 (4 bits) of them, the rest 0.3 to 1.3. docs/kernels/decode.md.
#include "common.cuh"

#ifndef FORM
#error "FORM is not defined"
#endif
#ifndef STAGES
#error "STAGES is not defined"
#endif
#ifndef ONE_STAGES
#error "ONE_STAGES is not defined"
#endif

// Products of one row have kernels of their own.
#define HAS_ONE (DTYPE != 0 && FORM != 0)

#define WARPS 8
#define TILE_ROWS 16
#define PIECE 256
#define BLOCKS 8 // of 32 columns in a piece
#define MAX_ROWS 8

enum Scaling { PER_ROW, D, DM, K, SIX };
constexpr Scaling SCALING = FORM == 0 ? PER_ROW : FORM == 3 || FORM == 5 ? DM : FORM == 6 || FORM == 7 ? K : FORM == 8 ? SIX : D;
constexpr int BITS = FORM <= 1 ? 8 : FORM == 2 || FORM == 3 || FORM == 6 ? 4 : FORM == 8 ? 6 : 5;
constexpr int OFFSET = FORM == 2 ? 8 : FORM == 4 ? 16 : FORM == 8 ? 32 : 0;

constexpr int HIGH_START = 2048; // of 5th and 6th bits
constexpr int SCALE_START = BITS == 8 ? 4096 : BITS == 4 ? 2048 : BITS == 5 ? 2560 : 3072;
constexpr int SCALE_BYTES = SCALING == PER_ROW ? 0 : SCALING == D ? 256 : SCALING == DM ? 512 : SCALING == K ? 320 : 288;
constexpr int SECOND_START = SCALE_START + 256; // the second plane of scales
constexpr int PIECE_BYTES = SCALE_START + SCALE_BYTES;
static_assert(PIECE_BYTES % 16 == 0, "pieces are copied by 16 bytes");

__device__ __forceinline__ int pieces_of(int k) {
    return (k + PIECE - 1) / PIECE;
}

// Column within a block of column c of lane j's 8.
__device__ __forceinline__ constexpr int column_of(int j, int c) {
    return SCALING == SIX ? (c < 4 ? 4 * j + c : 12 + 4 * j + c) : 8 * j + c;
}

// Quants of one row: those of a lane in the 4 blocks of half a piece.
struct Quants {
    u32 low[BITS == 8 ? 8 : 4];
    u32 high[2];

    // Row 8 h + lane / 4 of the tile, blocks 4 half .. 4 half + 3.
    __device__ __forceinline__ void load(const char* piece, int lane, int h, int half) {
        constexpr int VECTORS = BITS == 8 ? 2 : 1;
#pragma unroll
        for (int i = 0; i < VECTORS; i++) {
            const uint4 v = *(const uint4*)(piece + ((half * VECTORS + i) * 2 + h) * 512 + lane * 16);
            low[4 * i] = v.x;
            low[4 * i + 1] = v.y;
            low[4 * i + 2] = v.z;
            low[4 * i + 3] = v.w;
        }
        if (BITS == 5) high[0] = *(const u32*)(piece + HIGH_START + lane * 16 + h * 8 + half * 4);
        if (BITS == 6) {
            const uint2 v = *(const uint2*)(piece + HIGH_START + h * 512 + lane * 16 + half * 8);
            high[0] = v.x;
            high[1] = v.y;
        }
    }

    // The lane's 8 integers of block b (0 .. 3) without the offset.
    __device__ __forceinline__ void levels(int b, int (&q)[8]) const {
#pragma unroll
        for (int c = 0; c < 8; c++) {
            if (BITS == 8) {
                const int byte = (c & 1) * 2 + (c >> 1 & 1);
                q[c] = (int)(low[2 * b + c / 4] << (24 - 8 * byte)) >> 24;
            } else {
                int level = low[b] >> (4 * (c / 2) + 16 * (c & 1)) & 15;
                if (BITS == 5) level |= (high[0] >> (4 * b + c / 2 + 16 * (c & 1)) & 1) << 4;
                if (BITS == 6) level |= (high[b / 2] >> (2 * (4 * (b & 1) + c / 2) + 16 * (c & 1)) & 3) << 4;
                q[c] = level - OFFSET;
            }
        }
    }

#if DTYPE != 0
    // Of 4 to 6 bits pairs hold LIFT + q, q without its offset, and TAKEN times the sum of `in` is taken off in float32. LIFT is 16, 32 or 64, so that q is
    // the first bits of the mantissa.
    static constexpr bool LIFTED = BITS != 8;
    static constexpr int LIFT = 1 << BITS, TAKEN = LIFT + OFFSET;
    static constexpr int LIFTED_BIT = (DTYPE == 1 ? 10 : 7) - BITS; // of q's last bit
    static constexpr u32 LIFT_BITS = ((DTYPE == 1 ? 15u : 127u) + BITS) << (DTYPE == 1 ? 10 : 7);

    __device__ __forceinline__ static u32 moved(u32 word, int from, int to) {
        return from >= to ? word >> (from - to) : word << (to - from);
    }

    // 128 (f16: 1024): a number below it or'ed into its last bits has it added.
    static constexpr u32 BIAS = DTYPE == 1 ? 0x64006400u : 0x43004300u, ONE = DTYPE == 1 ? 0x3c003c00u : 0x3f803f80u;

    __device__ __forceinline__ static u32 sum(u32 a, u32 b) {
        u32 v;
#if DTYPE == 1
        asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(v) : "r"(a), "r"(ONE), "r"(b));
#else
        asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(v) : "r"(a), "r"(ONE), "r"(b));
#endif
        return v;
    }

    // (word & mask) | bits in one instruction; left to the compiler it becomes two.
    __device__ __forceinline__ static u32 select(u32 word, u32 mask, u32 bits) {
        u32 v;
        asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(v) : "r"(word), "r"(mask), "r"(bits));
        return v;
    }

    // Bytes 0 and 2: the lower 7 bits, less 128 where the sign bit is set; the bias drops out.
    __device__ __forceinline__ static u32 signed_pair(u32 word) {
        return sum(select(word, 0x007f007fu, BIAS), select(word, 0x00800080u, BIAS | 0x80008000u));
    }

    // Block b (0 .. 3) as four pairs of T for the tensor core.
    __device__ __forceinline__ void pairs(int b, u32 (&out)[4]) const {
        if (BITS == 8) {
            out[0] = signed_pair(low[2 * b]);
            out[1] = signed_pair(low[2 * b] >> 8);
            out[2] = signed_pair(low[(2 * b + 1) % (sizeof(low) / 4)]);
            out[3] = signed_pair(low[(2 * b + 1) % (sizeof(low) / 4)] >> 8);
        } else {
#pragma unroll
            for (int s = 0; s < 4; s++) {
                constexpr int AT = LIFTED ? LIFTED_BIT : 0;
                u32 pair = select(moved(low[b], 4 * s, AT), 0x000f000fu << AT, LIFT_BITS * 0x10001u);
                if (BITS == 5) pair = select(moved(high[0], 4 * b + s, AT + 4), 0x00100010u << AT, pair);
                if (BITS == 6) pair = select(moved(high[b / 2], 2 * (4 * (b & 1) + s), AT + 4), 0x00300030u << AT, pair);
                out[s] = pair;
            }
        }
    }
#endif
};

// An unsigned byte of a word as a float.
__device__ __forceinline__ float byte_to_float(u32 word, int byte) {
    u32 bits;
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(bits) : "r"(word), "r"(0x4b000000u), "r"(0x7440u | byte));
    return __uint_as_float(bits) - 8388608.0f;
}

__device__ __forceinline__ float half_of(const u32 (&words)[4], int index) {
    return half_to_float((u16)(words[index / 2] >> (16 * (index & 1))));
}

// Scales of one row in a piece.
struct RowScales {
    u32 first[4], second[4];
    float d, dmin; // FORM 0: the row's

    __device__ __forceinline__ static void words(u32 (&to)[4], const char* from) {
        const uint4 v = *(const uint4*)from;
        to[0] = v.x;
        to[1] = v.y;
        to[2] = v.z;
        to[3] = v.w;
    }

    // Row `row` of the tile.
    __device__ __forceinline__ void load(const char* piece, int row) {
        if (SCALING != PER_ROW) words(first, piece + SCALE_START + row * 16);
        if (SCALING == DM) words(second, piece + SECOND_START + row * 16);
        if (SCALING == K) {
            const u32 both = *(const u32*)(piece + SECOND_START + row * 4);
            d = half_to_float((u16)both);
            dmin = half_to_float((u16)(both >> 16));
        }
        if (SCALING == SIX) d = half_to_float(*(const u16*)(piece + SECOND_START + row * 2));
    }

    __device__ __forceinline__ float scale(int block) const {
        return SCALING == K ? byte_to_float(first[block / 4], block & 3) : half_of(first, block);
    }
    __device__ __forceinline__ float minimum(int block) const {
        return SCALING == K ? byte_to_float(first[2 + block / 4], block & 3) : half_of(second, block);
    }
    // Of the half h of a block.
    __device__ __forceinline__ float scale_of_half(int block, int h) const {
        return byte_to_float(first[block / 2], 2 * (block & 1) + h) - 128.0f;
    }

    // The weight of integer q at the lane's column c of a block.
    __device__ __forceinline__ float value(int q, int block, int c) const {
        if (SCALING == PER_ROW) return (float)q * d;
        if (SCALING == D) return OFFSET == 0 ? (float)q * scale(block) : fmaf((float)q, scale(block), 0.0f); // never -0, as q * d - OFFSET * d is not
        if (SCALING == DM) return fmaf((float)q, scale(block), minimum(block));       // the products are exact, so
        if (SCALING == K) return fmaf((float)q, d * scale(block), -(dmin * minimum(block))); // there is one rounding, as without fmaf
        return (d * scale_of_half(block, c / 4)) * (float)q;
    }
};

template <bool ONE>
using Sums = float[WARPS][ONE ? 1 : MAX_ROWS][20]; // as in gemv.cu

#if DTYPE != 0

// d = a b + c with a of 16 x 16, as in gemv.cu.
__device__ __forceinline__ void multiply(float (&d)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1, const float (&c)[4]) {
#if DTYPE == 1
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"
#endif
                 : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
                 : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
}

// A warp's stream of pieces over the tiles of its block. PARTS is 2 for gate and up, then the upper half of the warps takes up.
template <int PARTS, int STAGES_OF>
struct Pieces {
    static constexpr int SHARERS = WARPS / PARTS;

    const char* w;
    int tiles, pieces, lane, member;
    u32 ring;
    int writeStage, tile, piece; // the next to fetch

    __device__ __forceinline__ Pieces(const char* first, const char* second, int n, int k, u32 ring)
        : w((threadIdx.x >> 5) / SHARERS == 0 ? first : second), tiles((n + TILE_ROWS - 1) / TILE_ROWS), pieces(pieces_of(k)), lane(threadIdx.x & 31),
          member((threadIdx.x >> 5) % SHARERS), ring(ring), writeStage(0), tile(blockIdx.x), piece(member) {
        if (piece >= pieces) tile = tiles; // fewer pieces than warps: none for this one
    }

    // Starts the copy of the next piece as one group, an empty one behind the last.
    __device__ __forceinline__ void fetch() {
        if (tile < tiles) {
            const char* from = w + ((long long)tile * pieces + piece) * PIECE_BYTES + lane * 16;
            const u32 to = ring + writeStage * PIECE_BYTES + lane * 16;
#pragma unroll
            for (int i = 0; i < PIECE_BYTES / 512; i++) copy_async(to + i * 512, from + i * 512, true);
            constexpr int REST = PIECE_BYTES % 512;
            if (REST != 0 && lane < REST / 16) copy_async(to + PIECE_BYTES - REST, from + PIECE_BYTES - REST, true);
            writeStage = writeStage + 1 == STAGES_OF ? 0 : writeStage + 1;
            piece += SHARERS;
            if (piece >= pieces) {
                piece = member;
                tile += gridDim.x;
            }
        }
        commit_copies();
    }
};

// This lane's columns of half a piece of `in`: row lane / 4, its 8 columns of 4 blocks; zeros behind the last column.
struct Inputs {
    uint4 v[4];

    __device__ __forceinline__ void load(const T* in, int rows, int k, int start) {
        const int lane = threadIdx.x & 31, g = lane >> 2, j = lane & 3;
        // Lanes beyond the last row repeat it: they make columns of the product that nobody reads.
        const T* from = in + (long long)min(g, rows - 1) * k + start + column_of(j, 0);
        if (start + 4 * 32 <= k) {
#pragma unroll
            for (int b = 0; b < 4; b++) v[b] = columns(from + 32 * b);
        } else {
#pragma unroll
            for (int b = 0; b < 4; b++) v[b] = start + 32 * b < k ? columns(from + 32 * b) : make_uint4(0, 0, 0, 0); // k is whole blocks
        }
    }

    __device__ __forceinline__ static uint4 columns(const T* from) {
        if (SCALING != SIX) return *(const uint4*)from;
        const uint2 low = *(const uint2*)from, high = *(const uint2*)(from + 16);
        return make_uint4(low.x, low.y, high.x, high.y);
    }
};

constexpr int PARTS_OF_BLOCK = SCALING == SIX ? 2 : 1; // that have a scale

// Scales of a row's blocks 2 m and 2 m + 1.
struct PairScales {
    float scale[2 * PARTS_OF_BLOCK], minimum[2];
    float d, dmin;

    // Of row `row` of a piece.
    __device__ __forceinline__ PairScales(const char* piece, int row, int m) {
        const char* const at = piece + SCALE_START + row * 16;
        if (SCALING == D || SCALING == DM) halves(scale, *(const u32*)(at + 4 * m));
        if (SCALING == DM) halves(minimum, *(const u32*)(at + 256 + 4 * m));
        if (SCALING == K) {
            const u32 s = *(const u16*)(at + 2 * m), minima = *(const u16*)(at + 8 + 2 * m), both = *(const u32*)(piece + SECOND_START + row * 4);
#pragma unroll
            for (int b = 0; b < 2; b++) {
                scale[b] = byte_to_float(s, b);
                minimum[b] = byte_to_float(minima, b);
            }
            d = half_to_float((u16)both);
            dmin = half_to_float((u16)(both >> 16));
        }
        if (SCALING == SIX) {
            const u32 s = *(const u32*)(at + 4 * m);
#pragma unroll
            for (int i = 0; i < 2 * PARTS_OF_BLOCK; i++) scale[i] = byte_to_float(s, i) - 128.0f;
            d = half_to_float(*(const u16*)(piece + SECOND_START + row * 2));
        }
    }

    __device__ __forceinline__ static void halves(float* to, u32 both) {
        to[0] = half_to_float((u16)both);
        to[1] = half_to_float((u16)(both >> 16));
    }

    // c and what the two blocks add to it: s their sums of products, t those of `in`.
    __device__ __forceinline__ float added(float c, const float (&s)[2 * PARTS_OF_BLOCK], const float (&t)[2 * PARTS_OF_BLOCK]) const {
        float scaled = 0, minima = 0; // in units of d and dmin
#pragma unroll
        for (int i = 0; i < 2 * PARTS_OF_BLOCK; i++) {
            const float sum = Quants::LIFTED ? fmaf(-(float)Quants::TAKEN, t[i], s[i]) : s[i];
            float& products = SCALING == K || SCALING == SIX ? scaled : c;
            products = fmaf(scale[i], sum, products);
            if (SCALING == DM) c = fmaf(minimum[i % 2], t[i], c);
            if (SCALING == K) minima = fmaf(minimum[i % 2], t[i], minima);
        }
        if (SCALING == K || SCALING == SIX) c = fmaf(d, scaled, c);
        if (SCALING == K) c = fmaf(-dmin, minima, c);
        return c;
    }
};

// s of the parts of a block that have scales: one sum, or one for each half, in the layout of the tensor core.
__device__ __forceinline__ void multiply_block(float (&s)[PARTS_OF_BLOCK][4], const u32 (&low)[4], const u32 (&high)[4], uint4 in) {
    const float zero[4] = {0, 0, 0, 0};
    multiply(s[0], low[0], high[0], low[1], high[1], in.x, in.y, zero);
    if constexpr (PARTS_OF_BLOCK == 1) {
        multiply(s[0], low[2], high[2], low[3], high[3], in.z, in.w, s[0]);
    } else {
        multiply(s[1], low[2], high[2], low[3], high[3], in.z, in.w, zero);
    }
}

// Sums of `in` itself.
__device__ __forceinline__ void sum_block(float (&t)[PARTS_OF_BLOCK][4], uint4 in) {
    const u32 ones[4] = {Quants::ONE, Quants::ONE, Quants::ONE, Quants::ONE};
    multiply_block(t, ones, ones, in);
}

// What a warp adds up for a tile, in the layout of the tensor core: (row g, in 2 j), (g, 2 j + 1), (g + 8, 2 j), (g + 8, 2 j + 1).
struct Totals {
    float c[4][4] = {}; // one for each two blocks of a piece, as products of one row have them in four lanes; FORM 0: for halves of blocks

    // Half of the piece at `stage`.
    __device__ __forceinline__ void add(const Quants (&quants)[2], const Inputs& inputs, int half, const char* stage) {
#pragma unroll
        for (int m = 0; m < 2; m++) {
            float s[2][PARTS_OF_BLOCK][4], t[2][PARTS_OF_BLOCK][4];
#pragma unroll
            for (int b = 0; b < 2; b++) {
                u32 low[4], high[4];
                quants[0].pairs(2 * m + b, low);
                quants[1].pairs(2 * m + b, high);
                const uint4 in = inputs.v[2 * m + b];
                if constexpr (SCALING == PER_ROW) {
                    multiply(c[0], low[0], high[0], low[1], high[1], in.x, in.y, c[0]);
                    multiply(c[1], low[2], high[2], low[3], high[3], in.z, in.w, c[1]);
                } else {
                    multiply_block(s[b], low, high, in);
                    if (Quants::LIFTED) sum_block(t[b], in);
                }
            }
            if constexpr (SCALING != PER_ROW) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    float sums[2 * PARTS_OF_BLOCK], ins[2 * PARTS_OF_BLOCK];
#pragma unroll
                    for (int p = 0; p < 2 * PARTS_OF_BLOCK; p++) {
                        sums[p] = s[p / PARTS_OF_BLOCK][p % PARTS_OF_BLOCK][i];
                        ins[p] = Quants::LIFTED ? t[p / PARTS_OF_BLOCK][p % PARTS_OF_BLOCK][i] : 0;
                    }
                    float& total = c[2 * half + m][i];
                    total = PairScales(stage, (threadIdx.x & 31) / 4 + 8 * (i / 2), 2 * half + m).added(total, sums, ins);
                }
            }
        }
    }

    __device__ __forceinline__ float sum(int i) const {
        return (c[0][i] + c[1][i]) + (c[2][i] + c[3][i]);
    }
};

// Makes the sums of the block's tiles one after the other and hands each to `finish(tile, sums, warps that share a part)`.
template <int PARTS, typename Finish>
__device__ __forceinline__ void products_tensor(const T* in, const char* first, const char* second, int rows, int n, int k, Sums<false>* sums, Finish finish) {
    extern __shared__ __align__(128) char memory[];
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, j = lane & 3;
    char* const ring = memory + warp * STAGES * PIECE_BYTES;
    Pieces<PARTS, STAGES> weights(first, second, n, k, shared_address(ring));
    const int member = weights.member, tiles = weights.tiles, pieces = weights.pieces;
    constexpr int SHARERS = Pieces<PARTS, STAGES>::SHARERS;
#pragma unroll
    for (int i = 0; i < STAGES - 1; i++) weights.fetch();
    wait_for_kernel_ahead(); // weights are nobody's output; `in` is

    Inputs inputs;
    inputs.load(in, rows, k, member * PIECE);
    int readStage = 0, buffer = 0;
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        Totals totals;
        for (int piece = member; piece < pieces; piece += SHARERS) {
            // All lanes have read the piece whose stage the next one takes.
            __syncwarp();
            weights.fetch();
            // STAGES - 1 groups have been committed behind this piece's. Each lane waits for its own copies, the barrier shows them to the others.
            wait_copies<STAGES - 1>();
            __syncwarp();
            const char* stage = ring + readStage * PIECE_BYTES;
            readStage = readStage + 1 == STAGES ? 0 : readStage + 1;
#pragma unroll
            for (int half = 0; half < 2; half++) {
                Inputs next;
                const int nextPiece = piece + SHARERS;
                next.load(in, rows, k, half == 0 ? piece * PIECE + PIECE / 2 : (nextPiece < pieces ? nextPiece : member) * PIECE);
                Quants quants[2];
                quants[0].load(stage, lane, 0, half);
                quants[1].load(stage, lane, 1, half);
                totals.add(quants, inputs, half, stage);
                inputs = next;
            }
        }
#pragma unroll
        for (int i = 0; i < 4; i++) sums[buffer][warp][2 * j + (i & 1)][g + 8 * (i >> 1)] = totals.sum(i);
        __syncthreads();
        finish(tile, sums[buffer], SHARERS);
        buffer ^= 1; // the next tile's barrier is behind this tile's reads
    }
    wait_copies<0>();
}

// The same for one row. B of the tensor core has the columns of block g of a piece in column g, so that one vector of `in` serves a piece; of the product
// with block b only column b means something, and lane 4 g + b / 2 has it.
template <int PARTS, typename Finish>
__device__ __forceinline__ void products_one(const T* in, const char* first, const char* second, int n, int k, Sums<true>* sums, Finish finish) {
    extern __shared__ __align__(128) char memory[];
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, j = lane & 3;
    char* const ring = memory + warp * ONE_STAGES * PIECE_BYTES;
    Pieces<PARTS, ONE_STAGES> weights(first, second, n, k, shared_address(ring));
    const int member = weights.member, tiles = weights.tiles, pieces = weights.pieces;
    constexpr int SHARERS = Pieces<PARTS, ONE_STAGES>::SHARERS;
#pragma unroll
    for (int i = 0; i < ONE_STAGES - 1; i++) weights.fetch();
    wait_for_kernel_ahead();

    const T* const own = in + 32 * g + column_of(j, 0);
    const auto load = [&](int piece) {
        return piece * PIECE + 32 * g < k ? Inputs::columns(own + piece * PIECE) : make_uint4(0, 0, 0, 0);
    };
    uint4 columns = load(member);
    int readStage = 0, buffer = 0;
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        float totals[2] = {0, 0}; // rows g and g + 8, blocks 2 j and 2 j + 1 of each piece
        for (int piece = member; piece < pieces; piece += SHARERS) {
            __syncwarp(); // as in products_tensor
            weights.fetch();
            wait_copies<ONE_STAGES - 1>();
            __syncwarp();
            const char* stage = ring + readStage * PIECE_BYTES;
            readStage = readStage + 1 == ONE_STAGES ? 0 : readStage + 1;
            const int following = piece + SHARERS;
            const uint4 next = load(following < pieces ? following : member);
            float s[2][2 * PARTS_OF_BLOCK], t[2 * PARTS_OF_BLOCK]; // s of both rows
#pragma unroll
            for (int half = 0; half < 2; half++) {
                Quants quants[2];
                quants[0].load(stage, lane, 0, half);
                quants[1].load(stage, lane, 1, half);
#pragma unroll
                for (int b = 0; b < 4; b++) {
                    u32 low[4], high[4];
                    quants[0].pairs(b, low);
                    quants[1].pairs(b, high);
                    float made[PARTS_OF_BLOCK][4];
                    multiply_block(made, low, high, columns);
                    const bool mine = half == 0 && b < 2 || j == 2 * half + b / 2; // the first are overwritten
#pragma unroll
                    for (int p = 0; p < PARTS_OF_BLOCK; p++) {
                        const int to = (b & 1) * PARTS_OF_BLOCK + p;
#pragma unroll
                        for (int row = 0; row < 2; row++) {
                            if (mine) s[row][to] = made[p][2 * row + (b & 1)];
                        }
                    }
                }
            }
            if (Quants::LIFTED) {
                float made[PARTS_OF_BLOCK][4];
                sum_block(made, columns);
#pragma unroll
                for (int i = 0; i < 2 * PARTS_OF_BLOCK; i++) t[i] = made[i % PARTS_OF_BLOCK][i / PARTS_OF_BLOCK];
            }
#pragma unroll
            for (int row = 0; row < 2; row++) totals[row] = PairScales(stage, 8 * row + g, j).added(totals[row], s[row], t);
            columns = next;
        }
#pragma unroll
        for (int row = 0; row < 2; row++) {
            totals[row] += __shfl_xor_sync(0xffffffffu, totals[row], 1);
            totals[row] += __shfl_xor_sync(0xffffffffu, totals[row], 2);
            if (j == 0) sums[buffer][warp][0][g + 8 * row] = totals[row];
        }
        __syncthreads();
        finish(tile, sums[buffer], SHARERS);
        buffer ^= 1;
    }
    wait_copies<0>();
}

#else

// The same in f32: lanes have the same columns, and add them up by FMA.
template <int PARTS, typename Finish>
__device__ __forceinline__ void products_plain(const T* in, const char* first, const char* second, int rows, int n, int k, Sums<false>* sums, Finish finish) {
    constexpr int SHARERS = WARPS / PARTS;
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, j = lane & 3, member = warp % SHARERS;
    const char* w = warp / SHARERS == 0 ? first : second;
    const int tiles = (n + TILE_ROWS - 1) / TILE_ROWS, pieces = pieces_of(k);
    wait_for_kernel_ahead();
    int buffer = 0;
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
#pragma unroll 1
        for (int h = 0; h < 2; h++) {
            float c[MAX_ROWS] = {};
            for (int piece = member; piece < pieces; piece += SHARERS) {
                const char* from = w + ((long long)tile * pieces + piece) * PIECE_BYTES;
                RowScales scales;
                scales.load(from, 8 * h + g);
                if (SCALING == PER_ROW) scales.d = 1.0f; // applied to the sum, as for the other types
#pragma unroll 1
                for (int half = 0; half < 2; half++) {
                    Quants quants;
                    quants.load(from, lane, h, half);
#pragma unroll
                    for (int b = 0; b < 4; b++) {
                        const int start = piece * PIECE + 32 * (4 * half + b);
                        if (start >= k) continue;
                        int q[8];
                        quants.levels(b, q);
                        float values[8];
#pragma unroll
                        for (int e = 0; e < 8; e++) values[e] = half == 0 ? scales.value(q[e], b, e) : scales.value(q[e], 4 + b, e);
#pragma unroll 1
                        for (int i = 0; i < rows; i++) {
                            const T* row = in + (long long)i * k + start;
                            float sum = 0;
#pragma unroll
                            for (int e = 0; e < 8; e++) sum = fmaf(values[e], row[column_of(j, e)], sum);
#pragma unroll
                            for (int r = 0; r < MAX_ROWS; r++)
                                if (r == i) c[r] += sum;
                        }
                    }
                }
            }
#pragma unroll
            for (int i = 0; i < MAX_ROWS; i++) {
                float sum = c[i];
                sum += __shfl_xor_sync(0xffffffffu, sum, 1);
                sum += __shfl_xor_sync(0xffffffffu, sum, 2);
                if (j == 0) sums[buffer][warp][i][g + 8 * h] = sum;
            }
        }
        __syncthreads();
        finish(tile, sums[buffer], SHARERS);
        buffer ^= 1;
    }
}

#endif

// Calls write(row of in, row of w of the first part, its sum, the second part's sum or 0) for each output.
template <int PARTS, bool ONE, typename Write>
__device__ __forceinline__ void products(const T* in, const char* first, const char* second, const float* firstScales, const float* secondScales,
                                         const float* bias, int rows, int n, int k, Write write) {
    __shared__ Sums<ONE> sums[2];
    if (rows < 1 || rows > (ONE ? 1 : MAX_ROWS)) __trap();
    start_kernel_behind();
    const auto finish = [&](int tile, const Sums<ONE>& made, int sharers) {
        const int r = threadIdx.x % TILE_ROWS, i = threadIdx.x / TILE_ROWS, row = tile * TILE_ROWS + r;
        if (i >= rows || row >= n) return;
        float sum[2] = {0, 0};
        for (int s = 0; s < sharers; s++) sum[0] += made[s][i][r];
        if (PARTS == 2)
            for (int s = 0; s < sharers; s++) sum[1] += made[WARPS / 2 + s][i][r];
        if (SCALING == PER_ROW) {
            sum[0] *= firstScales[row];
            if (PARTS == 2) sum[1] *= secondScales[row];
        }
        if (bias) {
            sum[0] += bias[row];
            if (PARTS == 2) sum[1] += bias[n + row];
        }
        write(i, row, sum[0], sum[1]);
    };
#if DTYPE == 0
    products_plain<PARTS>(in, first, second, rows, n, k, sums, finish);
#else
    if constexpr (ONE) {
        products_one<PARTS>(in, first, second, n, k, sums, finish);
    } else {
        products_tensor<PARTS>(in, first, second, rows, n, k, sums, finish);
    }
#endif
}

// What becomes of the sum for row i of `in` and row r of w.
__device__ __forceinline__ auto to_t(T* out, int ld) {
    return [=](int i, int r, float sum, float) { out[(long long)i * ld + r] = from_float(sum); };
}

__device__ __forceinline__ auto to_floats(float* out, int ld) {
    return [=](int i, int r, float sum, float) { out[(long long)i * ld + r] = sum; };
}

__device__ __forceinline__ auto added_to(float* x, int ld) {
    return [=](int i, int r, float sum, float) { x[(long long)i * ld + r] += sum; };
}

__device__ __forceinline__ auto gated_to(T* out, int inner) {
    return [=](int i, int r, float gate, float up) { out[(long long)i * inner + r] = from_float(gate / (1.0f + expf(-gate)) * up); };
}

// Products of up to MAX_ROWS rows. Grid any number of blocks, which take tiles in turns; block 256. `bias` is null where there is none.
extern "C" __global__ void __launch_bounds__(32 * WARPS, 2) packed_t(T* out, const T* in, const char* w, const float* scales,
                                                                       const float* bias, int rows, int n, int k, int ld) {
    products<1, false>(in, w, nullptr, scales, nullptr, bias, rows, n, k, to_t(out, ld));
}

extern "C" __global__ void __launch_bounds__(32 * WARPS, 2) packed_f(float* out, const T* in, const char* w, const float* scales,
                                                                       const float* bias, int rows, int n, int k, int ld) {
    products<1, false>(in, w, nullptr, scales, nullptr, bias, rows, n, k, to_floats(out, ld));
}

extern "C" __global__ void __launch_bounds__(32 * WARPS, 2) packed_add(float* x, const T* in, const char* w, const float* scales,
                                                                       const float* bias, int rows, int n, int k, int ld) {
    products<1, false>(in, w, nullptr, scales, nullptr, bias, rows, n, k, added_to(x, ld));
}

extern "C" __global__ void __launch_bounds__(32 * WARPS, 2) packed_gated(T* out, const T* in, const char* gate, const char* up,
                                                                       const float* gateScales, const float* upScales, const float* bias, int rows,
                                                                       int inner, int k) {
    products<2, false>(in, gate, up, gateScales, upScales, bias, rows, inner, k, gated_to(out, inner));
}

#if HAS_ONE

// Of one row.
extern "C" __global__ void __launch_bounds__(32 * WARPS, 2) packed_one_t(T* out, const T* in, const char* w, const float* scales,
                                                                       const float* bias, int rows, int n, int k, int ld) {
    products<1, true>(in, w, nullptr, scales, nullptr, bias, rows, n, k, to_t(out, ld));
}

extern "C" __global__ void __launch_bounds__(32 * WARPS, 2) packed_one_f(float* out, const T* in, const char* w, const float* scales,
                                                                       const float* bias, int rows, int n, int k, int ld) {
    products<1, true>(in, w, nullptr, scales, nullptr, bias, rows, n, k, to_floats(out, ld));
}

extern "C" __global__ void __launch_bounds__(32 * WARPS, 2) packed_one_add(float* x, const T* in, const char* w, const float* scales,
                                                                       const float* bias, int rows, int n, int k, int ld) {
    products<1, true>(in, w, nullptr, scales, nullptr, bias, rows, n, k, added_to(x, ld));
}

extern "C" __global__ void __launch_bounds__(32 * WARPS, 2) packed_one_gated(T* out, const T* in, const char* gate, const char* up,
                                                                       const float* gateScales, const float* upScales, const float* bias, int rows,
                                                                       int inner, int k) {
    products<2, true>(in, gate, up, gateScales, upScales, bias, rows, inner, k, gated_to(out, inner));
}

#endif

// Stores a lane's 8 values of a block.
template <typename E>
__device__ __forceinline__ void store_columns(E* to, int j, const float (&v)[8]) {
    if constexpr (sizeof(E) == 2) {
        const uint2 low = make_uint2(pack2(v[0], v[1]), pack2(v[2], v[3])), high = make_uint2(pack2(v[4], v[5]), pack2(v[6], v[7]));
        if (SCALING == SIX) {
            *(uint2*)(to + column_of(j, 0)) = low;
            *(uint2*)(to + column_of(j, 4)) = high;
        } else {
            *(uint4*)(to + column_of(j, 0)) = make_uint4(low.x, low.y, high.x, high.y);
        }
    } else {
        *(float4*)(to + column_of(j, 0)) = make_float4(v[0], v[1], v[2], v[3]);
        *(float4*)(to + column_of(j, 4)) = make_float4(v[4], v[5], v[6], v[7]);
    }
}

// Bytes of a row of a piece in shared memory: 16 more than it has, so that 8 rows begin in different banks.
#define STAGED_ROW (PIECE * 2 + 16)

// out [rows, k] = the weight's first `rows` rows, rounded to T once. A warp makes a piece. Grid ceil(ceil(rows / 16) * ceil(k / 256) / 8), block 256.
// Bytes: the packed ones read, rows * k * sizeof(T) written. Two bytes an element go through shared memory, so that a warp writes 512 neighbouring
// bytes of one row: written as they are made, 64 bytes of 8 rows at a time, it takes three times as long.
extern "C" __global__ void unpack(T* __restrict__ out, const char* __restrict__ w, const float* __restrict__ rowScales, int rows, int k) {
    const int lane = threadIdx.x & 31, g = lane >> 2, j = lane & 3, pieces = pieces_of(k);
    const long long index = (long long)blockIdx.x * (blockDim.x >> 5) + (threadIdx.x >> 5);
    const int tile = (int)(index / pieces), piece = (int)(index % pieces);
    if (tile * TILE_ROWS >= rows) return;
    const char* from = w + index * PIECE_BYTES;
    constexpr bool STAGED = sizeof(T) == 2;
    __shared__ __align__(16) char stages[STAGED ? WARPS * 8 * STAGED_ROW : 16];
    char* stage = stages + (STAGED ? (threadIdx.x >> 5) * 8 * STAGED_ROW : 0);
    Quants quants[2][2];
    RowScales scales[2];
#pragma unroll
    for (int h = 0; h < 2; h++) {
        const int row = tile * TILE_ROWS + 8 * h + g;
        quants[h][0].load(from, lane, h, 0);
        quants[h][1].load(from, lane, h, 1);
        scales[h].load(from, 8 * h + g);
        if (SCALING == PER_ROW) scales[h].d = row < rows ? rowScales[row] : 0.0f;
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
        const int first = tile * TILE_ROWS + 8 * h;
        __syncwarp();
#pragma unroll
        for (int block = 0; block < BLOCKS; block++) {
            const int column = piece * PIECE + 32 * block;
            int q[8];
            quants[h][block / 4].levels(block % 4, q);
            float v[8];
#pragma unroll
            for (int c = 0; c < 8; c++) v[c] = scales[h].value(q[c], block, c);
            if constexpr (STAGED) {
                store_columns((T*)(stage + g * STAGED_ROW) + 32 * block, j, v);
            } else if (column < k && first + g < rows) {
                store_columns(out + (long long)(first + g) * k + column, j, v);
            }
        }
        if constexpr (STAGED) {
            __syncwarp();
            const int column = piece * PIECE + 8 * lane;
#pragma unroll
            for (int r = 0; r < 8; r++) {
                if (first + r < rows && column < k) {
                    *(uint4*)(out + (long long)(first + r) * k + column) = *(const uint4*)(stage + r * STAGED_ROW + 16 * lane);
                }
            }
        }
    }
}

// x [rows, k] float32: rows ids[0 ..] of the weight, as a table of embeddings. Grid (rows, ceil(k / 256)), block 32: a warp makes 256 columns of a row, a
// lane the 8 columns of lane % 4 in block lane / 4.
extern "C" __global__ void packed_embed(float* x, const int* ids, const char* w, const float* rowScales, int rows, int k) {
    wait_for_kernel_ahead();
    start_kernel_behind();
    const int lane = threadIdx.x & 31, j = lane & 3, block = lane >> 2, piece = blockIdx.y, column = piece * PIECE + 32 * block;
    const int id = ids[blockIdx.x], row = id % TILE_ROWS;
    const char* from = w + ((long long)(id / TILE_ROWS) * pieces_of(k) + piece) * PIECE_BYTES;
    if (column < k) {
        RowScales scales;
        scales.load(from, row);
        if (SCALING == PER_ROW) scales.d = rowScales[id];
        Quants quants;
        quants.load(from, (row & 7) * 4 + j, row >> 3, block >> 2);
        float v[8];
#pragma unroll
        for (int b = 0; b < 4; b++) {
            if (b == (block & 3)) {
                int q[8];
                quants.levels(b, q);
#pragma unroll
                for (int c = 0; c < 8; c++) v[c] = scales.value(q[c], block, c);
            }
        }
        store_columns(x + (long long)blockIdx.x * k + column, j, v);
    }
}

// Writes a lane's 8 levels (with offset, as files have them) of a row's block into a piece that was zero.
__device__ __forceinline__ void put_levels(char* piece, int row, int block, int j, const int (&q)[8]) {
    const int lane = (row & 7) * 4 + j, h = row >> 3;
    if (BITS == 8) {
        u32 words[2] = {0, 0};
#pragma unroll
        for (int c = 0; c < 8; c++) words[c / 4] |= (u32)(q[c] & 255) << (8 * ((c & 1) * 2 + (c >> 1 & 1)));
        *(uint2*)(piece + ((block / 2) * 2 + h) * 512 + lane * 16 + (block & 1) * 8) = make_uint2(words[0], words[1]);
        return;
    }
    u32 low = 0, high = 0;
#pragma unroll
    for (int c = 0; c < 8; c++) {
        low |= (u32)(q[c] & 15) << (4 * (c / 2) + 16 * (c & 1));
        if (BITS == 5) high |= (u32)(q[c] >> 4) << (4 * (block & 3) + c / 2 + 16 * (c & 1));
        if (BITS == 6) high |= (u32)(q[c] >> 4) << (2 * (4 * (block & 1) + c / 2) + 16 * (c & 1));
    }
    *(u32*)(piece + ((block / 4) * 2 + h) * 512 + lane * 16 + (block & 3) * 4) = low;
    // Words of several blocks, whose bits are disjoint.
    if (BITS == 5) atomicOr((u32*)(piece + HIGH_START + lane * 16 + h * 8 + (block / 4) * 4), high);
    if (BITS == 6) atomicOr((u32*)(piece + HIGH_START + h * 512 + lane * 16 + (block / 2) * 4), high);
}

#if FORM == 0

// One row; `read` makes a float of what the file has.
template <typename E, typename Read>
__device__ __forceinline__ void quantise_row(char* w, float* rowScales, float* loss, const E* in, int row, int k, Read read) {
    __shared__ float maxima[32];
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, warps = blockDim.x >> 5;
    float largest = 0;
    bool finite = true;
    for (int i = threadIdx.x; i < k; i += blockDim.x) {
        const float v = fabsf(read(in[i]));
        finite = finite && v <= 3.402823466e38f; // false for NaN too
        largest = fmaxf(largest, v);
    }
    if (!finite) largest = __uint_as_float(0x7f800000u);
    largest = warp_max(largest);
    if (lane == 0) maxima[warp] = largest;
    __syncthreads();
    largest = warp_max(lane < warps ? maxima[lane] : 0.0f);
    float scale = largest / 127.0f;
    if (scale < 1.17549435e-38f) scale = 0; // as Int8Kernels.scale
    const int pieces = pieces_of(k);
    float error = 0, signal = 0;
    for (int part = threadIdx.x; part < k / 8; part += blockDim.x) {
        const int column = part * 8, block = column / 32;
        int q[8];
#pragma unroll
        for (int c = 0; c < 8; c++) {
            const float v = read(in[column + c]);
            q[c] = scale == 0 ? 0 : __float2int_rn(v / scale);
            const float difference = v - (float)q[c] * scale;
            error = fmaf(difference, difference, error);
            signal = fmaf(v, v, signal);
        }
        put_levels(w + ((long long)(row / TILE_ROWS) * pieces + block / BLOCKS) * PIECE_BYTES, row % TILE_ROWS, block % BLOCKS, part % 4, q);
    }
    error = block_sum(error);
    signal = block_sum(signal);
    if (threadIdx.x == 0) {
        rowScales[row] = scale;
        loss[2 * row] = error;
        loss[2 * row + 1] = signal;
    }
}

// Rows of a file, in [rows, k], to int8 as io.sliminfer.format.ChannelQuantiser does it: q = rint(w / scale), scale = max |w| / 127. w, rowScales and loss (two
// floats a row: squares of the error and of the row) belong to the first of them, the first of a tile. A row with NaN or infinity has a scale of infinity.
// Grid (rows), block 256.
extern "C" __global__ void quantise_f32(char* w, float* rowScales, float* loss, const float* in, int rows, int k) {
    const int row = blockIdx.x;
    quantise_row(w, rowScales, loss, in + (long long)row * k, row, k, [](float v) { return v; });
}

extern "C" __global__ void quantise_f16(char* w, float* rowScales, float* loss, const u16* in, int rows, int k) {
    const int row = blockIdx.x;
    quantise_row(w, rowScales, loss, in + (long long)row * k, row, k, [](u16 v) { return half_to_float(v); });
}

extern "C" __global__ void quantise_bf16(char* w, float* rowScales, float* loss, const u16* in, int rows, int k) {
    const int row = blockIdx.x;
    quantise_row(w, rowScales, loss, in + (long long)row * k, row, k, [](u16 v) { return bf16_to_float(v); });
}

// sums[0], sums[1] += the losses of rows; sums[2] = the first of them whose scale is not finite, counted from firstRow, where none was found before (-1).
// Grid 1, block 1024; in float64, in one order.
extern "C" __global__ void sum_losses(double* sums, const float* loss, const float* rowScales, int rows, int firstRow) {
    __shared__ double parts[2][1024];
    __shared__ int bad;
    if (threadIdx.x == 0) bad = 0x7fffffff;
    __syncthreads();
    double error = 0, signal = 0;
    for (int row = threadIdx.x; row < rows; row += blockDim.x) {
        if (!(rowScales[row] <= 3.402823466e38f)) atomicMin(&bad, row);
        error += loss[2 * row];
        signal += loss[2 * row + 1];
    }
    parts[0][threadIdx.x] = error;
    parts[1][threadIdx.x] = signal;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            parts[0][threadIdx.x] += parts[0][threadIdx.x + half];
            parts[1][threadIdx.x] += parts[1][threadIdx.x + half];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) {
        sums[0] += parts[0][0];
        sums[1] += parts[1][0];
        if (bad != 0x7fffffff && sums[2] < 0) sums[2] = (double)firstRow + bad;
    }
}

#else

typedef unsigned char u8;

__device__ __forceinline__ u16 half_at(const u8* p) {
    return (u16)(p[0] | p[1] << 8);
}

// Blocks as files have them: bytes of the block that holds 32-column block b of a row, and what is in it (ggml-common.h).
constexpr int FILE_BYTES = FORM == 1 ? 34 : FORM == 2 ? 18 : FORM == 3 ? 20 : FORM == 4 ? 22 : FORM == 5 ? 24 : FORM == 6 ? 144 : FORM == 7 ? 176 : 210;
constexpr bool SUPER = FORM >= 6; // 256 columns a block

__device__ __forceinline__ int file_level(const u8* p, int sub, int c) {
    if (FORM == 1) return (signed char)p[2 + c];
    if (FORM <= 5) {
        constexpr int START = FORM == 2 ? 2 : FORM == 3 ? 4 : FORM == 4 ? 6 : 8;
        int level = c < 16 ? p[START + c] & 15 : p[START + c - 16] >> 4;
        if (BITS == 5) level |= (p[START - 4 + c / 8] >> (c & 7) & 1) << 4;
        return level;
    }
    if (FORM == 8) {
        const int half = sub / 4, quarter = sub & 3;
        const int low = p[64 * half + 32 * (quarter & 1) + c];
        return (quarter < 2 ? low & 15 : low >> 4) | (p[128 + 32 * half + c] >> (2 * quarter) & 3) << 4;
    }
    const int both = p[(FORM == 6 ? 16 : 48) + 32 * (sub / 2) + c];
    int level = sub & 1 ? both >> 4 : both & 15;
    if (FORM == 7) level |= (p[16 + c] >> sub & 1) << 4;
    return level;
}

// Rows of a GGUF file, in [rows, rowBytes], into pieces that were zero; w belongs to the first of them, the first of a tile. A thread has 8 columns.
// Grid ceil(rows * (k / 32) * 4 / 256), block 256.
extern "C" __global__ void pack(char* w, const u8* in, int rows, int k, long long rowBytes) {
    const long long index = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const int j = (int)(index & 3), blocks = k / 32;
    const int row = (int)((index >> 2) / blocks), b = (int)((index >> 2) % blocks);
    if (row >= rows) return;
    const u8* p = in + row * rowBytes + (long long)(SUPER ? b / 8 : b) * FILE_BYTES;
    const int block = b % BLOCKS, r = row % TILE_ROWS;
    char* piece = w + ((long long)(row / TILE_ROWS) * pieces_of(k) + b / BLOCKS) * PIECE_BYTES;
    int q[8];
#pragma unroll
    for (int c = 0; c < 8; c++) q[c] = file_level(p, block, column_of(j, c));
    put_levels(piece, r, block, j, q);
    if (j != 0) return;
    if (SCALING == D || SCALING == DM) *(u16*)(piece + SCALE_START + r * 16 + block * 2) = half_at(p);
    if (SCALING == DM) *(u16*)(piece + SECOND_START + r * 16 + block * 2) = half_at(p + 2);
    if (SCALING == K) {
        const u8* s = p + 4; // 6 bits each: the upper two of the last four lie with the first
        piece[SCALE_START + r * 16 + block] = (char)(block < 4 ? s[block] & 63 : (s[block + 4] & 15) | (s[block - 4] >> 6) << 4);
        piece[SCALE_START + r * 16 + 8 + block] = (char)(block < 4 ? s[block + 4] & 63 : (s[block + 4] >> 4) | (s[block] >> 6) << 4);
        if (block == 0) *(u32*)(piece + SECOND_START + r * 4) = half_at(p) | (u32)half_at(p + 2) << 16;
    }
    if (SCALING == SIX) {
        piece[SCALE_START + r * 16 + 2 * block] = (char)(p[192 + 2 * block] + 128);
        piece[SCALE_START + r * 16 + 2 * block + 1] = (char)(p[193 + 2 * block] + 128);
        if (block == 0) *(u16*)(piece + SECOND_START + r * 2) = half_at(p + 208);
    }
}

#endif
