package io.sliminfer.format;

/**
 * Conversions between float32 and the two 16-bit formats: BF16 (upper half of a float32) and F16 (IEEE 754 binary16). Rounding is
 * to nearest, ties to even; NaN stays NaN, values beyond the range become infinite. {@code Float.float16ToFloat} is Java 20's.
 */
public final class HalfFloats {

    private HalfFloats() {}

    public static float bf16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    public static short floatToBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (value != value) {
            return (short) (bits >>> 16 | 0x40);
        }
        // Adds just under half of the last kept bit, or exactly half where that bit is odd; a carry rightly moves the
        // exponent.
        return (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
    }

    public static float f16ToFloat(short bits) {
        int sign = (bits & 0x8000) << 16;
        // The fields moved to float32's places make a value that is 2^-112 of the right one, subnormals included.
        float value = Float.intBitsToFloat((bits & 0x7fff) << 13) * 0x1p112f;
        // Infinity and NaN (exponent 31) came out as 65536 and above: they get the exponent of all ones back.
        int special = -(((bits & 0x7c00) + 0x400) >> 15) & 0x7f800000;
        return Float.intBitsToFloat(Float.floatToRawIntBits(value) | special | sign);
    }

    public static short floatToF16(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = bits >>> 16 & 0x8000;
        int magnitude = bits & 0x7fffffff;
        if (magnitude > 0x7f800000) {
            return (short) (sign | 0x7e00 | magnitude >>> 13 & 0x3ff);
        }
        if (magnitude >= 0x477ff000) { // 65520, halfway between the largest F16 and the next power of two
            return (short) (sign | 0x7c00);
        }
        if (magnitude
                < 0x38800000) { // below 2^-14 steps are 2^-24: adding 0.5 leaves the rounded count in the low bits
            float shifted = Float.intBitsToFloat(magnitude) + 0.5f;
            return (short) (sign | Float.floatToRawIntBits(shifted) - 0x3f000000);
        }
        // Rebias the exponent from 127 to 15, then round as in floatToBf16.
        int rebiased = magnitude - (112 << 23);
        return (short) (sign | rebiased + 0xfff + (rebiased >>> 13 & 1) >>> 13);
    }

    /** {@code to[toAt + i] = from[fromAt + i]} for n elements of BF16. */
    public static void bf16ToFloat(float[] to, int toAt, short[] from, int fromAt, int n) {
        for (int i = 0; i < n; i++) {
            to[toAt + i] = bf16ToFloat(from[fromAt + i]);
        }
    }

    /** {@code to[toAt + i] = from[fromAt + i]} for n elements of F16. */
    public static void f16ToFloat(float[] to, int toAt, short[] from, int fromAt, int n) {
        for (int i = 0; i < n; i++) {
            to[toAt + i] = f16ToFloat(from[fromAt + i]);
        }
    }

    /** {@code to[toAt + i] = from[fromAt + i]} for n elements, to BF16. */
    public static void floatToBf16(short[] to, int toAt, float[] from, int fromAt, int n) {
        for (int i = 0; i < n; i++) {
            to[toAt + i] = floatToBf16(from[fromAt + i]);
        }
    }

    /** {@code to[toAt + i] = from[fromAt + i]} for n elements, to F16. */
    public static void floatToF16(short[] to, int toAt, float[] from, int fromAt, int n) {
        for (int i = 0; i < n; i++) {
            to[toAt + i] = floatToF16(from[fromAt + i]);
        }
    }
}
