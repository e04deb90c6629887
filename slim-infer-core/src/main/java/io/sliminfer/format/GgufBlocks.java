package io.sliminfer.format;

/**
 * Decodes quantised blocks to float32, as ggml-quants.c defines them. A scale {@code d} is a float16; {@code q} are unsigned integers.
 * Loops run over arrays, a block at a time.
 */
final class GgufBlocks {

    private static final int SUPER_BLOCK = 256;

    private GgufBlocks() {}

    /** Decodes {@code count} blocks that start at {@code in[from]} to {@code out[at ...]}. */
    static void decode(GgufType type, byte[] in, int from, int count, float[] out, int at) {
        for (int block = 0; block < count; block++) {
            int start = from + block * type.bytes;
            int to = at + block * type.elements;
            switch (type) {
                case F32 -> out[to] = Float.intBitsToFloat(int32(in, start));
                case F16 -> out[to] = half(in, start);
                case BF16 -> out[to] = HalfFloats.bf16ToFloat(int16(in, start));
                case Q4_0 -> q4(in, start + 2, half(in, start), -8 * half(in, start), out, to);
                case Q4_1 -> q4(in, start + 4, half(in, start), half(in, start + 2), out, to);
                case Q5_0 -> q5(in, start + 2, half(in, start), -16 * half(in, start), out, to);
                case Q5_1 -> q5(in, start + 4, half(in, start), half(in, start + 2), out, to);
                case Q8_0 -> q8(in, start, out, to);
                case Q4_K -> q4k(in, start, out, to);
                case Q5_K -> q5k(in, start, out, to);
                case Q6_K -> q6k(in, start, out, to);
            }
        }
    }

    /** {@code q * d + m} of 4 bits: the low halves of 16 bytes, then the high ones. */
    private static void q4(byte[] in, int quants, float d, float m, float[] out, int at) {
        for (int i = 0; i < 16; i++) {
            int pair = in[quants + i];
            out[at + i] = (pair & 0xF) * d + m;
            out[at + 16 + i] = (pair >> 4 & 0xF) * d + m;
        }
    }

    /** As {@link #q4} with a fifth bit of all 32 in the four bytes before. */
    private static void q5(byte[] in, int high, float d, float m, float[] out, int at) {
        int bits = int32(in, high);
        for (int i = 0; i < 16; i++) {
            int pair = in[high + 4 + i];
            out[at + i] = (pair & 0xF | (bits >>> i & 1) << 4) * d + m;
            out[at + 16 + i] = (pair >> 4 & 0xF | (bits >>> i + 16 & 1) << 4) * d + m;
        }
    }

    private static void q8(byte[] in, int start, float[] out, int at) {
        float d = half(in, start);
        for (int i = 0; i < 32; i++) {
            out[at + i] = in[start + 2 + i] * d;
        }
    }

    /** Eight sub-blocks of 32, {@code q * (d * scale) - dmin * min}; two of them share 32 bytes. */
    private static void q4k(byte[] in, int start, float[] out, int at) {
        float d = half(in, start);
        float dmin = half(in, start + 2);
        int scales = start + 4;
        int quants = start + 16;
        for (int pair = 0; pair < 4; pair++) {
            float lowScale = d * scale(in, scales, 2 * pair);
            float lowMin = dmin * min(in, scales, 2 * pair);
            float highScale = d * scale(in, scales, 2 * pair + 1);
            float highMin = dmin * min(in, scales, 2 * pair + 1);
            int to = at + 64 * pair;
            for (int i = 0; i < 32; i++) {
                int both = in[quants + 32 * pair + i];
                out[to + i] = (both & 0xF) * lowScale - lowMin;
                out[to + 32 + i] = (both >> 4 & 0xF) * highScale - highMin;
            }
        }
    }

    /** As {@link #q4k} with a fifth bit: bit {@code s} of byte {@code i} of the 32 before belongs to element {@code i} of sub-block s. */
    private static void q5k(byte[] in, int start, float[] out, int at) {
        float d = half(in, start);
        float dmin = half(in, start + 2);
        int scales = start + 4;
        int high = start + 16;
        int quants = start + 48;
        for (int pair = 0; pair < 4; pair++) {
            float lowScale = d * scale(in, scales, 2 * pair);
            float lowMin = dmin * min(in, scales, 2 * pair);
            float highScale = d * scale(in, scales, 2 * pair + 1);
            float highMin = dmin * min(in, scales, 2 * pair + 1);
            int to = at + 64 * pair;
            for (int i = 0; i < 32; i++) {
                int both = in[quants + 32 * pair + i];
                int bits = in[high + i] >> 2 * pair;
                out[to + i] = (both & 0xF | (bits & 1) << 4) * lowScale - lowMin;
                out[to + 32 + i] = (both >> 4 & 0xF | (bits >> 1 & 1) << 4) * highScale - highMin;
            }
        }
    }

    /** Six bits for each of eight scales and then eight minima, in 12 bytes: the upper two bits of the last four lie with the first. */
    private static int scale(byte[] in, int scales, int index) {
        return index < 4
                ? in[scales + index] & 63
                : in[scales + index + 4] & 0xF | (in[scales + index - 4] >> 6 & 3) << 4;
    }

    private static int min(byte[] in, int scales, int index) {
        return index < 4
                ? in[scales + index + 4] & 63
                : in[scales + index + 4] >> 4 & 0xF | (in[scales + index] >> 6 & 3) << 4;
    }

    /** Sixteen sub-blocks of 16, {@code (q - 32) * d * scale} of signed scales; four bits of q in 128 bytes, two more in 64. */
    private static void q6k(byte[] in, int start, float[] out, int at) {
        float d = half(in, start + 208);
        for (int half = 0; half < SUPER_BLOCK / 128; half++) {
            int low = start + 64 * half;
            int high = start + 128 + 32 * half;
            int scales = start + 192 + 8 * half;
            int to = at + 128 * half;
            for (int i = 0; i < 32; i++) {
                int sub = scales + i / 16;
                int bits = in[high + i];
                int first = in[low + i];
                int second = in[low + 32 + i];
                out[to + i] = d * in[sub] * ((first & 0xF | (bits & 3) << 4) - 32);
                out[to + 32 + i] = d * in[sub + 2] * ((second & 0xF | (bits >> 2 & 3) << 4) - 32);
                out[to + 64 + i] = d * in[sub + 4] * ((first >> 4 & 0xF | (bits >> 4 & 3) << 4) - 32);
                out[to + 96 + i] = d * in[sub + 6] * ((second >> 4 & 0xF | (bits >> 6 & 3) << 4) - 32);
            }
        }
    }

    private static float half(byte[] in, int at) {
        return HalfFloats.f16ToFloat(int16(in, at));
    }

    private static short int16(byte[] in, int at) {
        return (short) (in[at] & 0xFF | in[at + 1] << 8);
    }

    private static int int32(byte[] in, int at) {
        return int16(in, at) & 0xFFFF | int16(in, at + 2) << 16;
    }
}
