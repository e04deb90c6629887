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

    /** Adds 128 to a byte. */
    private static final int UNSIGNED = 0x80;

    private static final int MAGNITUDE_BITS = 0x7fffffff;

    /** Loops over fewer elements are not worth it as vectors. */
    private static final int FOLDED_MIN = 512;

    private Int8Kernels() {}

    /** The scale that numbers up to this magnitude need; NaN for NaN. */
    public static float scale(float magnitude) {
        float scale = magnitude / STEPS;
        return scale < Float.MIN_NORMAL ? 0 : scale;
    }

    /** The largest magnitude of n elements and {@code start}; NaN if one is NaN. */
    public static float magnitude(float start, float[] x, int at, int n) {
        // As whole numbers the bits of magnitudes have the order of what they stand for, NaN above all; four maxima,
        // because one would
        // wait for each comparison before the next.
        int m0 = Float.floatToRawIntBits(start) & MAGNITUDE_BITS;
        int m1 = 0;
        int m2 = 0;
        int m3 = 0;
        int i = 0;
        for (; i + 3 < n; i += 4) {
            m0 = Math.max(m0, Float.floatToRawIntBits(x[at + i]) & MAGNITUDE_BITS);
            m1 = Math.max(m1, Float.floatToRawIntBits(x[at + i + 1]) & MAGNITUDE_BITS);
            m2 = Math.max(m2, Float.floatToRawIntBits(x[at + i + 2]) & MAGNITUDE_BITS);
            m3 = Math.max(m3, Float.floatToRawIntBits(x[at + i + 3]) & MAGNITUDE_BITS);
        }
        for (; i < n; i++) {
            m0 = Math.max(m0, Float.floatToRawIntBits(x[at + i]) & MAGNITUDE_BITS);
        }
        return Float.intBitsToFloat(Math.max(Math.max(m0, m1), Math.max(m2, m3)));
    }

    /**
     * The same of the first n elements of {@code x} and 0: folded to few by vectors first.
     *
     * @param scratch at least n / 2 elements
     */
    static float magnitude(float[] x, int n, float[] scratch) {
        if (n < FOLDED_MIN) {
            return magnitude(0, x, 0, n);
        }
        int count = n / 2;
        for (int i = 0; i < count; i++) {
            scratch[i] = Math.max(Math.abs(x[i]), Math.abs(x[i + count]));
        }
        while (count % 2 == 0 && count >= FOLDED_MIN) {
            count /= 2;
            fold(scratch, count);
        }
        return magnitude(n % 2 == 0 ? 0 : x[n - 1], scratch, 0, count);
    }

    private static void fold(float[] x, int count) {
        for (int i = 0; i < count; i++) {
            x[i] = Math.max(x[i], x[i + count]);
        }
    }

    /**
     * The largest of {@code |x[2i] + x[2i + 1]|} over the n / 2 pairs of n elements. For two of one sign it is the sum of their magnitudes, for
     * others less than the larger one.
     */
    static float pairMagnitude(float[] x, int n) {
        int m0 = 0;
        int m1 = 0;
        int m2 = 0;
        int m3 = 0;
        int i = 0;
        for (; i + 7 < n; i += 8) {
            m0 = Math.max(m0, Float.floatToRawIntBits(x[i] + x[i + 1]) & MAGNITUDE_BITS);
            m1 = Math.max(m1, Float.floatToRawIntBits(x[i + 2] + x[i + 3]) & MAGNITUDE_BITS);
            m2 = Math.max(m2, Float.floatToRawIntBits(x[i + 4] + x[i + 5]) & MAGNITUDE_BITS);
            m3 = Math.max(m3, Float.floatToRawIntBits(x[i + 6] + x[i + 7]) & MAGNITUDE_BITS);
        }
        for (; i + 1 < n; i += 2) {
            m0 = Math.max(m0, Float.floatToRawIntBits(x[i] + x[i + 1]) & MAGNITUDE_BITS);
        }
        return Float.intBitsToFloat(Math.max(Math.max(m0, m1), Math.max(m2, m3)));
    }

    /** {@code to[i] = rint(from[i] / scale)} for n elements whose magnitude is at most {@code 127 * scale}. */
    public static void quantise(byte[] to, int toAt, float[] from, int fromAt, int n, float scale) {
        for (int i = 0; i < n; i++) {
            to[toAt + i] = scale == 0 ? 0 : quantised(from[fromAt + i], scale);
        }
    }

    /**
     * n elements in steps of a scale, {@code steps[i] = x[i] / scale}, and those with {@link #ROUNDING} added, whose last bits are the rounded
     * steps. This and what follows are loops that the compiler makes vectors of, but for {@link #narrow}.
     */
    static void toSteps(float[] steps, float[] rounded, float[] x, float scale, int n) {
        for (int i = 0; i < n; i++) {
            float step = x[i] / scale;
            steps[i] = step;
            rounded[i] = step + ROUNDING;
        }
    }

    /**
     * {@code to[i] = rint(steps[i])} of what {@link #toSteps} made.
     *
     * @return their sum
     */
    static int narrow(byte[] to, float[] rounded, int n) {
        int sum = 0;
        for (int i = 0; i < n; i++) {
            byte value = (byte) Float.floatToRawIntBits(rounded[i]); // the rounding constant's own last bits are zeros
            to[i] = value;
            sum += value;
        }
        return sum;
    }

    /** Adds to {@code errors[i]} the square of what rounding changed in a step, and to {@code signals[i]} its own, both times a weight. */
    static void addSquares(float[] errors, float[] signals, float[] steps, float[] rounded, float weight, int n) {
        for (int i = 0; i < n; i++) {
            float difference = steps[i] - (rounded[i] - ROUNDING);
            errors[i] += weight * (difference * difference);
        }
        for (int i = 0; i < n; i++) {
            signals[i] += weight * (steps[i] * steps[i]);
        }
    }

    /**
     * {@code to[i] = rint(from[i] * (1 / scale)) + 128}, to be read as unsigned, for n elements whose magnitude is at most
     * {@code 127 * scale}.
     *
     * @param scratch at least n elements
     */
    public static void quantiseUnsigned(byte[] to, float[] from, int n, float scale, float[] scratch) {
        float inverse = scale == 0 ? 0 : 1 / scale;
        for (int i = 0; i < n; i++) {
            scratch[i] = from[i] * inverse + ROUNDING;
        }
        for (int i = 0; i < n; i++) {
            to[i] = (byte) (Float.floatToRawIntBits(scratch[i]) ^ UNSIGNED);
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
