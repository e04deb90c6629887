package io.sliminfer.backend.cpu;

/**
 * What the forward pass does to one row of float32 values, on arrays with offsets, so that any backend can call it on memory of its
 * own or on a copy of a row. Stateless.
 */
public final class RowKernels {

    private RowKernels() {}

    /** {@code out[i] = x[i] / sqrt(mean(x^2) + epsilon) * gain[i]} for n elements; out may be x. */
    public static void rmsNorm(float[] out, int outAt, float[] x, int xAt, float[] gain, int n, float epsilon) {
        float scale = (float) (1 / Math.sqrt(sumOfSquares(x, xAt, n) / n + epsilon));
        for (int i = 0; i < n; i++) {
            out[outAt + i] = x[xAt + i] * scale * gain[i];
        }
    }

    private static double sumOfSquares(float[] x, int at, int n) {
        // Four sums, because one would wait for each addition before the next.
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i + 3 < n; i += 4) {
            s0 += (double) x[at + i] * x[at + i];
            s1 += (double) x[at + i + 1] * x[at + i + 1];
            s2 += (double) x[at + i + 2] * x[at + i + 2];
            s3 += (double) x[at + i + 3] * x[at + i + 3];
        }
        for (; i < n; i++) {
            s0 += (double) x[at + i] * x[at + i];
        }
        return (s0 + s1) + (s2 + s3);
    }

    /**
     * Rotates one head in place. Element i and {@code i + headDim / 2} are a pair.
     *
     * @param table the position's row: {@code headDim / 2} cosines, then as many sines
     */
    public static void rotate(float[] head, int at, float[] table, int tableAt, int headDim) {
        int half = headDim / 2;
        for (int i = 0; i < half; i++) {
            float cos = table[tableAt + i];
            float sin = table[tableAt + half + i];
            float low = head[at + i];
            float high = head[at + half + i];
            head[at + i] = low * cos - high * sin;
            head[at + half + i] = high * cos + low * sin;
        }
    }

    /**
     * {@code out[i] = silu(gate[i]) * up[i]} for n elements, silu(x) = x / (1 + e^-x); out may be gate or up.
     *
     * @param scratch at least n elements
     */
    public static void gate(
            float[] out,
            int outAt,
            float[] gate,
            int gateAt,
            float[] up,
            int upAt,
            int n,
            Exponential exp,
            float[] scratch) {
        for (int i = 0; i < n; i++) {
            scratch[i] = -gate[gateAt + i];
        }
        exp.apply(scratch, 0, n);
        for (int i = 0; i < n; i++) {
            out[outAt + i] = gate[gateAt + i] / (1 + scratch[i]) * up[upAt + i];
        }
    }

    /** The largest of n elements; NaN if one is NaN. */
    public static float max(float[] x, int at, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, x[at + i]);
        }
        return max;
    }

    /** Sum of n products. */
    public static float dot(float[] a, int aAt, float[] b, int bAt, int n) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        int i = 0;
        for (; i + 3 < n; i += 4) {
            s0 += a[aAt + i] * b[bAt + i];
            s1 += a[aAt + i + 1] * b[bAt + i + 1];
            s2 += a[aAt + i + 2] * b[bAt + i + 2];
            s3 += a[aAt + i + 3] * b[bAt + i + 3];
        }
        for (; i < n; i++) {
            s0 += a[aAt + i] * b[bAt + i];
        }
        return (s0 + s1) + (s2 + s3);
    }

    /** Sum of n elements. */
    public static double sum(float[] x, int at, int n) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i + 3 < n; i += 4) {
            s0 += x[at + i];
            s1 += x[at + i + 1];
            s2 += x[at + i + 2];
            s3 += x[at + i + 3];
        }
        for (; i < n; i++) {
            s0 += x[at + i];
        }
        return (s0 + s1) + (s2 + s3);
    }

    /** Index of the largest of {@code count} values, the lowest of equals; -1 where one is NaN or +Infinity or all are -Infinity. */
    public static int argmax(float[] values, int from, int count) {
        float max = Float.NEGATIVE_INFINITY;
        int index = -1;
        for (int i = 0; i < count; i++) {
            float value = values[from + i];
            if (!(value < Float.POSITIVE_INFINITY)) {
                return -1;
            }
            if (value > max) {
                max = value;
                index = i;
            }
        }
        return index;
    }
}
