package io.sliminfer.backend.cpu;

import java.util.Arrays;

/**
 * Products over <em>lanes</em>: a lane is a row of activations, or a query of one head, and {@code in[k]} holds element k of all
 * lanes side by side. So every product adds multiples of whole arrays that start at index 0, the one form that C2 vectorises without
 * flags, and the other factor (weights, keys, values) is read in place, one number for all lanes.
 *
 * <p>Measured, one core of an AVX-512 Xeon, 256 lanes, JDK 17 and 25: 33 GFLOP/s for one output and four inputs at a time. Two outputs
 * (8 on JDK 17, 12 on 25) and six or more inputs (8 on JDK 17) pass C2's unrolling limit and stay scalar; arrays with offsets reach 7,
 * dot products 4. {@code Math.fma} would give 40 to 45, but is a hundred times slower on processors without it.
 */
final class LaneKernels {

    /** Lanes that are worked on together: an output and {@link #INNER} inputs of 256 floats fit a first-level cache. */
    static final int LANES = 256;

    private static final int INNER = 32;

    private LaneKernels() {}

    /**
     * {@code acc[accAt + o] += sum over k of a[at + o * outStep + k * innerStep] * in[inAt + k]} for o below {@code outputs} and k below
     * {@code inner}, in the order of k, so that results do not depend on the number of lanes.
     */
    static void accumulate(
            float[][] acc,
            int accAt,
            int outputs,
            float[][] in,
            int inAt,
            int inner,
            float[] a,
            int at,
            int outStep,
            int innerStep,
            int lanes) {
        for (int from = 0; from < inner; from += INNER) {
            int to = Math.min(inner, from + INNER);
            for (int o = 0; o < outputs; o++) {
                int first = at + o * outStep;
                int k = from;
                for (; k + 3 < to; k += 4) {
                    addFour(acc[accAt + o], in, inAt + k, a, first + k * innerStep, innerStep, lanes);
                }
                for (; k < to; k++) {
                    addOne(acc[accAt + o], in[inAt + k], a[first + k * innerStep], lanes);
                }
            }
        }
    }

    private static void addFour(float[] c, float[][] in, int k, float[] a, int at, int innerStep, int lanes) {
        float[] in0 = in[k];
        float[] in1 = in[k + 1];
        float[] in2 = in[k + 2];
        float[] in3 = in[k + 3];
        float c0 = a[at];
        float c1 = a[at + innerStep];
        float c2 = a[at + 2 * innerStep];
        float c3 = a[at + 3 * innerStep];
        for (int j = 0; j < lanes; j++) {
            c[j] += c0 * in0[j] + c1 * in1[j] + c2 * in2[j] + c3 * in3[j];
        }
    }

    private static void addOne(float[] c, float[] in, float a, int lanes) {
        for (int j = 0; j < lanes; j++) {
            c[j] += a * in[j];
        }
    }

    /** {@code c[j] += a0[j] * b0[j] + a1[j] * b1[j]}. */
    static void addProducts(float[] c, float[] a0, float[] b0, float[] a1, float[] b1, int n) {
        for (int j = 0; j < n; j++) {
            c[j] += a0[j] * b0[j] + a1[j] * b1[j];
        }
    }

    /** {@code c[j] += a[j]}. */
    static void add(float[] c, float[] a, int lanes) {
        for (int j = 0; j < lanes; j++) {
            c[j] += a[j];
        }
    }

    /** {@code c[j] -= a[j]}. */
    static void subtract(float[] c, float[] a, int lanes) {
        for (int j = 0; j < lanes; j++) {
            c[j] -= a[j];
        }
    }

    /** {@code c[j] *= a[j]}. */
    static void multiply(float[] c, float[] a, int lanes) {
        for (int j = 0; j < lanes; j++) {
            c[j] *= a[j];
        }
    }

    /** {@code c[j] = max(c[j], a[j])}. */
    static void max(float[] c, float[] a, int lanes) {
        for (int j = 0; j < lanes; j++) {
            c[j] = Math.max(c[j], a[j]);
        }
    }

    static void fill(float[][] rows, int count, int lanes, float value) {
        for (int i = 0; i < count; i++) {
            Arrays.fill(rows[i], 0, lanes, value);
        }
    }
}
