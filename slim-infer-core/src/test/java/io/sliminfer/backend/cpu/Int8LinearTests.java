package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.TestTensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.WeightSpec.Use;
import io.sliminfer.format.ChannelQuantiser;
import io.sliminfer.format.DType;
import io.sliminfer.format.TensorSource;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Int8LinearTests {

    @BeforeEach
    void needsFastProducts() {
        assumeThat(OneDnn.UNUSABLE).as("oneDNN's natives").isNull();
        assumeThat(Int8Support.find()).as("8-bit products").isNotEqualTo(Int8Support.NONE);
    }

    private static Backend open(int threads) {
        return new OneDnnBackend(new BackendSettings(DType.F32, threads).withWeights(WeightPrecision.INT8));
    }

    /** {@code scale[n] * inputScale * sum(q * x)} in whole numbers: what the backend must compute, whatever instruction it uses. */
    private static double[] exact(float[] x, float[] w, int rows, int columns, int outputs) {
        ChannelQuantiser quantiser = Int8Support.find() == Int8Support.PAIRS
                ? new ChannelQuantiser(Int8Support.PAIR_MAX)
                : new ChannelQuantiser();
        byte[][] q = new byte[outputs][];
        float[] scales = new float[outputs];
        quantiser.quantise(floats(outputs, columns, w), 0, outputs, (row, values, scale) -> {
            q[(int) row] = values.clone();
            scales[(int) row] = scale;
        });
        double[] out = new double[rows * outputs];
        for (int r = 0; r < rows; r++) {
            float max = 0;
            for (int c = 0; c < columns; c++) {
                max = Math.max(max, Math.abs(x[r * columns + c]));
            }
            float scale = max / 127;
            for (int n = 0; n < outputs; n++) {
                long sum = 0;
                for (int c = 0; c < columns; c++) {
                    long input = scale == 0 ? 0 : (long) Math.rint(x[r * columns + c] * (1 / scale));
                    sum += input * q[n][c];
                }
                out[r * outputs + n] = (double) sum * scale * scales[n];
            }
        }
        return out;
    }

    private static TensorSource floats(int rows, int columns, float[] values) {
        return TestTensor.of("w", DType.F32, rows, columns, values);
    }

    private static float[] multiply(Backend backend, Weight weight, float[] x, int rows) {
        Tensor in = backend.allocate("in", DType.F32, rows, weight.columns());
        Tensor out = backend.allocate("out", DType.F32, rows, weight.rows());
        backend.ops().write(in, 0, x, x.length);
        backend.ops().linear(out, in, weight);
        return read(backend, out);
    }

    private static float[] read(Backend backend, Tensor out) {
        int count = (int) (out.rows() * out.columns());
        Readback readback = backend.readback(count);
        backend.ops().read(readback, out);
        float[] values = new float[count];
        readback.join();
        readback.get(0, values, count);
        return values;
    }

    private static float[] gaussian(long seed, int count) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    @ParameterizedTest
    @CsvSource({"1, 64, 64", "3, 130, 70", "17, 2048, 33", "300, 96, 600"})
    void isTheProductOfWholeNumbers(int rows, int columns, int outputs) {
        float[] x = gaussian(1, rows * columns);
        float[] w = gaussian(2, outputs * columns);
        double[] expected = exact(x, w, rows, columns, outputs);
        try (Backend backend = open(2)) {
            Weight weight = backend.load(WeightSpec.of("w", Use.LINEAR, floats(outputs, columns, w)));
            assertThat(weight.form().type()).isEqualTo("int8");
            assertClose(multiply(backend, weight, x, rows), expected);
        }
    }

    /** Where the instruction adds pairs in 16 bits, these would be cut. */
    @Test
    void theLargestInputsAndWeightsDoNotOverflow() {
        int columns = 4096;
        int outputs = 128;
        float[] x = new float[3 * columns];
        Arrays.fill(x, 0, columns, 5);
        Arrays.fill(x, columns, 2 * columns, -3);
        for (int c = 0; c < columns; c++) {
            x[2 * columns + c] = c % 2 == 0 ? 1 : -1;
        }
        float[] w = new float[outputs * columns];
        for (int n = 0; n < outputs; n++) {
            for (int c = 0; c < columns; c++) {
                w[n * columns + c] = switch (n % 4) {
                    case 0 -> 1;
                    case 1 -> -1;
                    case 2 -> c % 2 == 0 ? 1 : -1;
                    default -> c % 4 < 2 ? 1 : 0.01f;
                };
            }
        }
        try (Backend backend = open(2)) {
            Weight weight = backend.load(WeightSpec.of("w", Use.LINEAR, floats(outputs, columns, w)));
            assertClose(multiply(backend, weight, x, 3), exact(x, w, 3, columns, outputs));
        }
    }

    private static void assertClose(float[] actual, double[] expected) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
        for (int i = 0; i < actual.length; i++) {
            assertThat((double) actual[i])
                    .as("element %s", i)
                    .isCloseTo(expected[i], org.assertj.core.api.Assertions.within(largest * 2e-6));
        }
    }

    @Test
    void aRowsResultDoesNotDependOnTheRowsBesideItNorOnThreads() {
        int columns = 320;
        float[] x = gaussian(3, 300 * columns);
        List<TensorSource> parts = List.of(
                floats(100, columns, gaussian(4, 100 * columns)), floats(100, columns, gaussian(5, 100 * columns)));
        float[] all;
        float[] gated;
        try (Backend backend = open(2)) {
            Weight weight = backend.load(new WeightSpec("w", parts, List.of(), Use.LINEAR));
            all = multiply(backend, weight, x, 300);
            gated = gate(backend, weight, x, 300);
            for (int rows : new int[] {1, 2, 15, 16, 17, 40, 256, 257}) {
                float[] few = Arrays.copyOf(x, rows * columns);
                assertThat(multiply(backend, weight, few, rows))
                        .as("%s rows", rows)
                        .isEqualTo(Arrays.copyOf(all, rows * 200));
                assertThat(gate(backend, weight, few, rows))
                        .as("%s gated rows", rows)
                        .isEqualTo(Arrays.copyOf(gated, rows * 100));
            }
        }
        try (Backend backend = open(1)) {
            Weight weight = backend.load(new WeightSpec("w", parts, List.of(), Use.LINEAR));
            assertThat(multiply(backend, weight, x, 300)).isEqualTo(all);
            assertThat(gate(backend, weight, x, 300)).isEqualTo(gated);
        }
    }

    private static float[] gate(Backend backend, Weight weight, float[] x, int rows) {
        Tensor in = backend.allocate("in", DType.F32, rows, weight.columns());
        Tensor out = backend.allocate("out", DType.F32, rows, weight.rows() / 2);
        backend.ops().write(in, 0, x, x.length);
        backend.ops().gatedLinear(out, in, weight);
        return read(backend, out);
    }

    @Test
    void whatIsNoNumberStaysNoNumber() {
        int columns = 64;
        float[] x = gaussian(6, 3 * columns);
        x[5] = Float.NaN;
        x[columns + 7] = Float.POSITIVE_INFINITY;
        try (Backend backend = open(1)) {
            Weight weight = backend.load(WeightSpec.of("w", Use.LINEAR, floats(8, columns, gaussian(7, 8 * columns))));
            float[] out = multiply(backend, weight, x, 3);
            for (int n = 0; n < 8; n++) {
                assertThat(out[n]).isNaN();
                assertThat(Float.isFinite(out[8 + n])).isFalse();
                assertThat(Float.isFinite(out[16 + n])).isTrue();
            }
        }
    }

    @Test
    void aMatrixThatWouldLoseTooMuchStaysAsItIs() {
        int columns = 256;
        float[] outliers = gaussian(8, 16 * columns);
        for (int n = 0; n < 16; n++) {
            outliers[n * columns + 3] = 60;
        }
        try (Backend backend = open(1)) {
            Weight kept = backend.load(WeightSpec.of("w", Use.LINEAR, floats(16, columns, outliers)));
            assertThat(kept.form().type()).isEqualTo("f32");
            assertThat(kept.form().kept()).startsWith("8 bits would lose");
            Weight asked = backend.load(WeightSpec.of("w", Use.LINEAR, floats(16, columns, gaussian(9, 16 * columns)))
                    .keptBecause("calibration says so"));
            assertThat(asked.form().type()).isEqualTo("f32");
            assertThat(asked.form().kept()).isEqualTo("calibration says so");
        }
    }

    @Test
    void aTiedTableIsLookedUpAsTheFileHasIt() {
        float[] table = gaussian(10, 70 * 64);
        try (Backend backend = open(1)) {
            Weight tied = backend.load(WeightSpec.of("tied", Use.TABLE, floats(70, 64, table)));
            assertThat(tied.form().type()).isEqualTo("int8");
            Tensor x = backend.allocate("x", DType.F32, 2, 64);
            Tensor ids = backend.allocate("ids", DType.I32, 2, 1);
            backend.ops().write(ids, new int[] {69, 0}, 2);
            backend.ops().embed(x, ids, tied);
            assertThat(read(backend, x)).startsWith(Arrays.copyOfRange(table, 69 * 64, 70 * 64));
            backend.ops().write(ids, new int[] {70, 0}, 2);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> backend.ops().embed(x, ids, tied))
                    .withMessageContaining("row 70 of a table with 70 rows");
        }
    }
}
