package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class Int8KernelsTests {

    @Test
    void theLargestNumberTakesTheLastStep() {
        float scale = Int8Kernels.scale(Int8Kernels.magnitude(0, new float[] {9, -2, -5, 4, 9}, 1, 3));
        assertThat(scale).isEqualTo(5f / 127);
        byte[] q = new byte[5];
        Int8Kernels.quantise(q, 1, new float[] {9, -2, -5, 4, 9}, 1, 3, scale);
        assertThat(q).containsExactly(0, -51, -127, 102, 0);
    }

    @Test
    void roundsToTheNearestAndHalvesToTheEvenStep() {
        byte[] q = new byte[8];
        Int8Kernels.quantise(q, 0, new float[] {1, 3, 5, -1, -3, 2.9f, 0, 254}, 0, 8, 2);
        assertThat(q).containsExactly(0, 2, 2, 0, -2, 1, 0, 127);
        float[] x = new float[4];
        Int8Kernels.dequantise(x, 1, q, 5, 3, 2);
        assertThat(x).containsExactly(0, 2, 0, 254);
    }

    @Test
    void magnitudesAreThoseOfAllElements() {
        for (int n = 0; n < 12; n++) {
            float[] x = new float[20];
            for (int i = 0; i < n; i++) {
                x[3 + i] = i % 2 == 0 ? i : -i;
            }
            assertThat(Int8Kernels.magnitude(0.5f, x, 3, n))
                    .as("%s elements", n)
                    .isEqualTo(Math.max(0.5f, n - 1));
        }
        assertThat(Int8Kernels.magnitude(0, new float[] {1, Float.NaN, Float.POSITIVE_INFINITY}, 0, 3))
                .isNaN();
        assertThat(Int8Kernels.magnitude(0, new float[] {1, Float.NEGATIVE_INFINITY}, 0, 2))
                .isEqualTo(Float.POSITIVE_INFINITY);
    }

    @Test
    void aFoldedMagnitudeIsTheSame() {
        for (int n : new int[] {0, 1, 511, 512, 513, 1023, 2048, 2049, 3 * 512, 5000}) {
            for (int at : new int[] {0, n / 3, n / 2, n - 1}) {
                float[] x = new float[n + 1];
                Arrays.fill(x, 0.5f);
                x[n] = 9; // not one of them
                if (at >= 0 && at < n) {
                    x[at] = -3;
                }
                float[] scratch = new float[n];
                assertThat(Int8Kernels.magnitude(x, n, scratch))
                        .as("%s of %s", at, n)
                        .isEqualTo(Int8Kernels.magnitude(0, x, 0, n));
                if (at >= 0 && at < n) {
                    x[at] = Float.NaN;
                    assertThat(Int8Kernels.magnitude(x, n, scratch))
                            .as("%s of %s", at, n)
                            .isNaN();
                }
            }
        }
    }

    @Test
    void unsignedValuesStandAround128() {
        byte[] q = new byte[4];
        Int8Kernels.quantiseUnsigned(q, new float[] {-254, 0, 254, 3}, 4, 2, new float[4]);
        assertThat(q).containsExactly(1, (byte) 128, (byte) 255, (byte) 130);
        Int8Kernels.quantiseUnsigned(q, new float[4], 4, 0, new float[4]);
        assertThat(q).containsOnly(128);
    }

    @Test
    void everyStepSurvivesAnotherRoundTrip() {
        byte[] q = new byte[255];
        for (int i = 0; i < 255; i++) {
            q[i] = (byte) (i - 127);
        }
        for (float scale : new float[] {Float.MIN_NORMAL, 1e-10f, 0.1f, 1, 2.6e36f}) {
            float[] x = new float[255];
            byte[] again = new byte[255];
            Int8Kernels.dequantise(x, 0, q, 0, 255, scale);
            Int8Kernels.quantise(again, 0, x, 0, 255, scale);
            assertThat(again).as("scale %s", scale).isEqualTo(q);
        }
    }

    @Test
    void aLargerScaleTakesFewerSteps() {
        byte[] q = {9, 127, -3, 2, 9};
        Int8Kernels.requantise(q, 1, 3, 1, 2);
        // 127 and -3 are halfway: 63.5 goes to 64, -1.5 to -2.
        assertThat(q).containsExactly(9, 64, -2, 1, 9);
    }

    @Test
    void numbersTooSmallForAScaleAreZero() {
        assertThat(Int8Kernels.scale(0)).isZero();
        assertThat(Int8Kernels.scale(126 * Float.MIN_NORMAL)).isZero();
        assertThat(Int8Kernels.scale(128 * Float.MIN_NORMAL)).isPositive();
        byte[] q = {1, 1};
        Int8Kernels.quantise(q, 0, new float[] {1e-40f, -1e-40f}, 0, 2, 0);
        assertThat(q).containsOnly(0);
    }

    @Test
    void whatIsNotANumberStaysNone() {
        assertThat(Int8Kernels.scale(Int8Kernels.magnitude(0, new float[] {1, Float.NaN, 2}, 0, 3)))
                .isNaN();
        for (float scale : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            byte[] q = new byte[2];
            float[] x = new float[2];
            Int8Kernels.quantise(q, 0, new float[] {3, Float.POSITIVE_INFINITY}, 0, 2, scale);
            Int8Kernels.dequantise(x, 0, q, 0, 1, scale);
            assertThat(x[0]).as("scale %s", scale).isNaN();
        }
    }
}
