package io.sliminfer.format;

/**
 * 8-bit integers with a float32 scale, as weights and KV caches have them, on arrays with offsets: {@code q = rint(x / scale)} and
 * {@code x = q * scale} in float32. Stateless.
 */
public final class Int8Kernels {

    private static final float STEPS = 127;

    /** A float32 of this size has steps of 1, so that adding it rounds to nearest, ties to even. */
    private static final float ROUNDING = 0x1.8p23f;

    private static final int ROUNDING_BITS = Float.floatToRawIntBits(ROUNDING);

    private Int8Kernels() {}

    /** The scale that numbers up to this magnitude need; NaN for NaN. */
    public static float scale(float magnitude) {
        float scale = magnitude / STEPS;
        return scale < Float.MIN_NORMAL ? 0 : scale;
    }

    /** The largest magnitude of n elements and {@code start}; NaN if one is NaN. */
    public static float magnitude(float start, float[] x, int at, int n) {
        float max = start;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, Math.abs(x[at + i]));
        }
        return max;
    }

    /** {@code to[i] = rint(from[i] / scale)} for n elements whose magnitude is at most {@code 127 * scale}. */
    public static void quantise(byte[] to, int toAt, float[] from, int fromAt, int n, float scale) {
        for (int i = 0; i < n; i++) {
            to[toAt + i] = scale == 0 ? 0 : quantised(from[fromAt + i], scale);
        }
    }

    /** Reads n elements with one scale and stores them with another, in place. */
    public static void requantise(byte[] values, int at, int n, float oldScale, float newScale) {
        for (int i = 0; i < n; i++) {
            values[at + i] = newScale == 0 ? 0 : quantised(values[at + i] * oldScale, newScale);
        }
    }

    private static byte quantised(float x, float scale) {
        return (byte) (Float.floatToRawIntBits(x / scale + ROUNDING) - ROUNDING_BITS);
    }

    /** {@code to[i] = from[i] * scale} for n elements. */
    public static void dequantise(float[] to, int toAt, byte[] from, int fromAt, int n, float scale) {
        for (int i = 0; i < n; i++) {
            to[toAt + i] = from[fromAt + i] * scale;
        }
    }
}
