package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.TestTensor;
import io.sliminfer.backend.TwinBackends;
import io.sliminfer.backend.TwinBackends.Twin;
import io.sliminfer.backend.TwinBackends.TwinWeight;
import io.sliminfer.backend.UserCache;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.WeightSpec.Use;
import io.sliminfer.format.ChannelQuantiser;
import io.sliminfer.format.DType;
import io.sliminfer.format.GgufType;
import io.sliminfer.format.QuantisedTestTensor;
import io.sliminfer.format.RandomTensor;
import io.sliminfer.format.TensorSource;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Products with packed weights against the reference backend, which decodes blocks by their definition. Outputs are full of NaN before.
 */
@GpuTest
class PackedProductsGpuTests {

    /** Sums of products in float32, in another order than the reference's, those of lifted quants some times as large. */
    private static final double SUMS = 1e-5;

    /** The largest relative L2 distance where an output, or each weight, is rounded to 16 bits. */
    private static final double ROUNDED = 5e-3;

    /** Few rows are multiplied with weights as they are, many with weights in compute dtype. */
    private static final int[] ROWS = {1, 3, 8, 9, 32, 33, 70};

    private static final List<GgufType> TYPES =
            Stream.of(GgufType.values()).filter(GgufType::isQuantised).toList();

    /** One after the other they would take most of the tests' time. */
    @BeforeAll
    static void compileKernelsSideBySide() {
        try (CudaContext context = CudaContext.open(0);
                KernelLibrary library = new KernelLibrary(context, UserCache.folder())) {
            for (DType compute : List.of(DType.BF16, DType.F16, DType.F32)) {
                new PackedKernels(library, compute, context.sharedBytesPerBlockMax())
                        .prepare(List.of(PackedForm.values()));
            }
        }
    }

    static Stream<Arguments> forms() {
        List<Arguments> forms = new ArrayList<>();
        for (DType compute : List.of(DType.BF16, DType.F16, DType.F32)) {
            forms.add(Arguments.of(compute, "int8"));
            TYPES.stream()
                    .map(GgufType::name)
                    // They differ from bf16 in a few constants of the kernel.
                    .filter(type -> compute != DType.F16
                            || List.of("Q4_0", "Q4_K", "Q6_K").contains(type))
                    .forEach(type -> forms.add(Arguments.of(compute, type)));
        }
        return forms.stream();
    }

    static Stream<String> names() {
        return Stream.concat(Stream.of("int8"), TYPES.stream().map(GgufType::name));
    }

    private static TwinBackends open(DType compute, String form) {
        WeightPrecision precision = form.equals("int8") ? WeightPrecision.INT8 : WeightPrecision.AUTO;
        Backend backend = new CudaBackendProvider().open(new BackendSettings(compute, 0).withWeights(precision));
        return new TwinBackends(backend, ROUNDED, 20261126);
    }

    /** Random numbers in a form; of int8 such that quantising finds the same integers again. */
    private static TensorSource random(TwinBackends twins, String form, int rows, int columns) {
        float[] values = twins.gaussian((long) rows * columns, 1 / Math.sqrt(columns));
        if (!form.equals("int8")) {
            return QuantisedTestTensor.of("w", GgufType.valueOf(form), rows, columns, values);
        }
        for (int row = 0; row < rows; row++) {
            float scale = (1 + row) * 0x1p-14f;
            for (int column = 0; column < columns; column++) {
                values[row * columns + column] = (twins.random().nextInt(255) - 127) * scale;
            }
            values[row * columns + row % columns] = -127 * scale;
        }
        return TestTensor.of("w", DType.F32, rows, columns, values);
    }

    private static int columns(String form, int blocks) {
        int block = form.equals("int8") ? 32 : GgufType.valueOf(form).blockElements();
        return block * blocks;
    }

    /** @param outputs of the weight: a single sum may cancel, which many together do not */
    private static double tolerance(DType compute, int rows, int outputs, DType out) {
        if (rows == 1 && outputs == 1) {
            return compute == DType.F32 || out == DType.F32 ? 10 * SUMS : ROUNDED;
        }
        return compute == DType.F32 || (rows <= PackedProducts.ROWS_FEW && out == DType.F32) ? SUMS : ROUNDED;
    }

    @ParameterizedTest
    @MethodSource("forms")
    void linearMultipliesByTheTransposedWeight(DType compute, String form) {
        try (TwinBackends twins = open(compute, form)) {
            // Odd rows; a piece of 256 columns in part, exactly, and more than each warp has one of.
            for (int[] shape : new int[][] {{1, 1}, {37, 3}, {16, 8}, {131, 11}, {70, 35}}) {
                int n = shape[0];
                int k = columns(form, form.endsWith("_K") ? (shape[1] + 3) / 4 : shape[1]);
                TwinWeight plain = twins.load(WeightSpec.of("plain", Use.LINEAR, random(twins, form, n, k)));
                TwinWeight biased = twins.load(new WeightSpec(
                        "biased",
                        List.of(random(twins, form, n, k)),
                        List.of(TestTensor.of("bias", DType.F32, 1, n, twins.gaussian(n, 1))),
                        Use.LINEAR));
                assertThat(((CudaWeight) plain.subject()).isPacked()).isTrue();
                assertThat(plain.subject().form().type()).isEqualToIgnoringCase(form);
                for (int rows : ROWS) {
                    String what = form + " " + n + " x " + k + ", " + rows + " rows, ";
                    Twin x = twins.activations(rows, k, 1);
                    Twin computed = twins.output(rows, n);
                    Twin floats = twins.floatOutput(rows, n);
                    twins.run((ops, on) -> {
                        ops.linear(on.of(computed), on.of(x), on.of(biased));
                        ops.linear(on.of(floats), on.of(x), on.of(plain));
                    });
                    twins.assertClose(what + "compute dtype", computed, tolerance(compute, rows, n, compute));
                    twins.assertClose(what + "float32", floats, tolerance(compute, rows, n, DType.F32));
                    twins.run((ops, on) -> ops.linearAdd(on.of(floats), on.of(x), on.of(biased)));
                    twins.assertClose(what + "added", floats, tolerance(compute, rows, n, DType.F32));
                }
            }
        }
    }

    /** So that pieces of one tile are on their way while another is multiplied, and rings begin anew. */
    @ParameterizedTest
    @ValueSource(strings = {"int8", "Q8_0", "Q4_K", "Q6_K"})
    void aBlockOfThreadsMakesSeveralTiles(String form) {
        try (TwinBackends twins = open(DType.BF16, form)) {
            int n = 8400; // 525 tiles on a card that has 264 blocks at once
            int k = 4608;
            TwinWeight w = twins.load(WeightSpec.of("w", Use.LINEAR, random(twins, form, n, k)));
            for (int rows : new int[] {1, 8}) {
                Twin x = twins.activations(rows, k, 1);
                Twin floats = twins.floatOutput(rows, n);
                twins.run((ops, on) -> ops.linear(on.of(floats), on.of(x), on.of(w)));
                twins.assertClose(rows + " rows", floats, SUMS);
            }
        }
    }

    /** Without a model to plan for there is room for 64 MiB of unpacked weights; this one takes 78. */
    @ParameterizedTest
    @ValueSource(strings = {"int8", "Q4_K"})
    void aWeightThatHasNoRoomIsUnpackedInPieces(String form) {
        try (TwinBackends twins = open(DType.BF16, form)) {
            int k = 2048;
            List<TensorSource> parts = List.of(random(twins, form, 8007, k), random(twins, form, 12_001, k));
            List<TensorSource> biases = List.of(
                    TestTensor.of("bias", DType.F32, 1, 8007, twins.gaussian(8007, 1)),
                    TestTensor.of("bias", DType.F32, 1, 12_001, twins.gaussian(12_001, 1)));
            TwinWeight w = twins.load(new WeightSpec("w", parts, biases, Use.LINEAR));
            Twin x = twins.activations(33, k, 1);
            Twin floats = twins.floatOutput(33, 20_008);
            twins.run((ops, on) -> ops.linear(on.of(floats), on.of(x), on.of(w)));
            twins.assertClose(form, floats);
            twins.run((ops, on) -> ops.linearAdd(on.of(floats), on.of(x), on.of(w)));
            twins.assertClose(form + ", added", floats);
        }
    }

    @ParameterizedTest
    @MethodSource("forms")
    void gatedLinearIsSwiGlu(DType compute, String form) {
        try (TwinBackends twins = open(compute, form)) {
            for (int width : new int[] {48, 33}) { // gate and up in one part; in two
                int k = columns(form, form.endsWith("_K") ? 3 : 21);
                TwinWeight w = twins.load(new WeightSpec(
                        "w",
                        List.of(random(twins, form, width, k), random(twins, form, width, k)),
                        List.of(
                                TestTensor.of("bias", DType.F32, 1, width, twins.gaussian(width, 1)),
                                TestTensor.of("bias", DType.F32, 1, width, twins.gaussian(width, 1))),
                        Use.LINEAR));
                for (int rows : ROWS) {
                    Twin x = twins.activations(rows, k, 1);
                    Twin out = twins.output(rows, width);
                    twins.run((ops, on) -> ops.gatedLinear(on.of(out), on.of(x), on.of(w)));
                    twins.assertClose(
                            form + ", " + width + " wide, " + rows + " rows",
                            out,
                            compute == DType.F32 ? 1e-5 : 2 * ROUNDED);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void partsOfSeveralFormsAreStacked(DType compute) {
        try (TwinBackends twins = open(compute, "Q4_K")) {
            for (int rowsOfFirst : new int[] {32, 19}) {
                List<TensorSource> parts = List.of(
                        random(twins, "Q4_K", rowsOfFirst, 512),
                        random(twins, "Q4_K", 16, 512),
                        random(twins, "Q6_K", 29, 512));
                int n = rowsOfFirst + 45;
                TwinWeight w = twins.load(new WeightSpec("stacked", parts, List.of(), Use.LINEAR));
                TwinWeight gateUp = twins.load(new WeightSpec(
                        "gateUp",
                        List.of(random(twins, "Q4_K", 32, 512), random(twins, "Q5_K", 32, 512)),
                        List.of(),
                        Use.LINEAR));
                for (int rows : ROWS) {
                    Twin x = twins.activations(rows, 512, 1);
                    Twin out = twins.floatOutput(rows, n);
                    Twin gated = twins.output(rows, 32);
                    twins.run((ops, on) -> {
                        ops.linear(on.of(out), on.of(x), on.of(w));
                        ops.gatedLinear(on.of(gated), on.of(x), on.of(gateUp));
                    });
                    twins.assertClose(rows + " rows", out, tolerance(compute, rows, n, DType.F32));
                    twins.assertClose(
                            rows + " rows of gate and up in two forms",
                            gated,
                            compute == DType.F32 ? 1e-5 : 3 * ROUNDED);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void aRowsResultDoesNotDependOnTheBatch(String form) {
        try (TwinBackends twins = open(DType.BF16, form)) {
            int k = columns(form, form.endsWith("_K") ? 4 : 27);
            TwinWeight w = twins.load(WeightSpec.of("w", Use.LINEAR, random(twins, form, 50, k)));
            Twin x = twins.activations(32, k, 1);
            float[][] rows = new float[32][];
            for (int row = 0; row < 32; row++) {
                Twin one = twins.floatOutput(1, 50);
                Twin in = x.rows(row, row + 1);
                twins.subject().ops().linear(one.subject(), in.subject(), w.subject());
                rows[row] = twins.read(one.subject());
            }
            for (int batch : new int[] {2, 7, 8, 13, 32}) {
                Twin all = twins.floatOutput(batch, 50);
                twins.subject().ops().linear(all.subject(), x.rows(0, batch).subject(), w.subject());
                float[] values = twins.read(all.subject());
                for (int row = 0; row < batch; row++) {
                    assertThat(Arrays.copyOfRange(values, 50 * row, 50 * row + 50))
                            .as("row %d of %d", row, batch)
                            .isEqualTo(rows[row]);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aPackedTableGivesItsRowsAndLogits(DType compute, String form) {
        try (TwinBackends twins = open(compute, form)) {
            for (int blocks : new int[] {1, 11}) {
                int k = columns(form, form.endsWith("_K") ? (blocks + 3) / 4 : blocks);
                TwinWeight table = twins.load(WeightSpec.of("table", Use.TABLE, random(twins, form, 53, k)));
                Twin ids = twins.ints(52, 0, 17, 17, 31, 8);
                Twin x = twins.floatOutput(6, k);
                Twin in = twins.activations(3, k, 1);
                Twin logits = twins.floatOutput(3, 53);
                twins.run((ops, on) -> {
                    ops.embed(on.of(x), on.of(ids), on.of(table));
                    ops.linear(on.of(logits), on.of(in), on.of(table));
                });
                if (form.equals("int8")) {
                    twins.assertClose("rows", x, 1e-6); // the scale is found again but for its last bit
                } else {
                    twins.assertSame("rows, to the last bit", x);
                }
                twins.assertClose("logits", logits, SUMS);
            }
        }
    }

    /** The unit vectors pick columns out of the weight: each is one integer times its row's scale. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void int8IsThatOfTheQuantiserToTheLastBit(DType stored) {
        int n = 75;
        int k = 96;
        try (TwinBackends twins = open(DType.F32, "int8")) {
            float[] values = twins.gaussian((long) n * k, 0.02);
            Arrays.fill(values, 5 * k, 6 * k, 0); // a row of zeros
            values[7 * k + 3] = 1; // an outlier
            TensorSource source = TestTensor.of("w", stored, n, k, values);
            TwinWeight w = twins.load(WeightSpec.of("w", Use.LINEAR, source));
            float[] expected = quantised(source);
            float[] unit = new float[k * k];
            for (int i = 0; i < k; i++) {
                unit[i * k + i] = 1;
            }
            Twin in = twins.floats(k, k, unit);
            Twin out = twins.floatOutput(k, n);
            for (int row = 0; row < k; row += 8) {
                twins.subject()
                        .ops()
                        .linear(
                                out.rows(row, row + 8).subject(),
                                in.rows(row, row + 8).subject(),
                                w.subject());
            }
            float[] actual = twins.read(out.subject());
            for (int row = 0; row < n; row++) {
                for (int column = 0; column < k; column++) {
                    assertThat(actual[column * n + row])
                            .as("row %d, column %d", row, column)
                            .isEqualTo(expected[row * k + column]);
                }
            }
        }
    }

    private static float[] quantised(TensorSource source) {
        int k = (int) source.columns();
        float[] result = new float[(int) source.rows() * k];
        new ChannelQuantiser().quantise(source, 0, source.rows(), (row, values, scale) -> {
            for (int i = 0; i < k; i++) {
                result[(int) row * k + i] = values[i] * scale;
            }
        });
        return result;
    }

    /** What the device makes itself and what comes through a pinned buffer are the same numbers. */
    @Test
    void randomWeightsAreQuantisedWhereTheyAreMade() {
        try (TwinBackends twins = open(DType.BF16, "int8")) {
            RandomTensor random = new RandomTensor("w", DType.BF16, 70_003, 128, 3, 0, 0.05);
            TwinWeight made = twins.load(WeightSpec.of("made", Use.LINEAR, random));
            float[] values = new float[70_003 * 128];
            ByteBuffer rows = random.rows(0, 70_003);
            for (int i = 0; i < values.length; i++) {
                values[i] = Float.intBitsToFloat(rows.getShort(2 * i) << 16);
            }
            TwinWeight sent =
                    twins.load(WeightSpec.of("sent", Use.LINEAR, TestTensor.of("w", DType.BF16, 70_003, 128, values)));
            Twin x = twins.activations(1, 128, 1);
            Twin one = twins.floatOutput(1, 70_003);
            Twin other = twins.floatOutput(1, 70_003);
            twins.subject().ops().linear(one.subject(), x.subject(), made.subject());
            twins.subject().ops().linear(other.subject(), x.subject(), sent.subject());
            assertThat(twins.read(one.subject())).isEqualTo(twins.read(other.subject()));
        }
    }

    @Test
    void aMatrixOfOutliersStaysInComputeDtype() {
        try (TwinBackends twins = open(DType.BF16, "int8")) {
            float[] values = twins.gaussian(16 * 256, 0.01);
            for (int row = 0; row < 16; row++) {
                values[row * 256 + row] = 3;
            }
            TwinWeight w = twins.load(WeightSpec.of("w", Use.LINEAR, TestTensor.of("w", DType.BF16, 16, 256, values)));
            assertThat(((CudaWeight) w.subject()).isPacked()).isFalse();
            assertThat(w.subject().form().type()).isEqualTo("bf16");
            assertThat(w.subject().form().kept()).startsWith("8 bits would lose");
            Twin x = twins.activations(4, 256, 1);
            Twin out = twins.floatOutput(4, 16);
            twins.run((ops, on) -> ops.linear(on.of(out), on.of(x), on.of(w)));
            twins.assertClose("dense", out, 1e-5);
        }
    }

    @Test
    void refusesWhatIsNoNumber() {
        try (TwinBackends twins = open(DType.BF16, "int8")) {
            for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
                float[] values = twins.gaussian(40 * 64, 1);
                values[33 * 64 + 5] = bad;
                WeightSpec spec =
                        WeightSpec.of("w", Use.LINEAR, TestTensor.of("layer.weight", DType.F32, 40, 64, values));
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> twins.subject().load(spec))
                        .withMessageContaining("layer.weight: row 33");
            }
        }
    }

    @Test
    void whatIsPlannedIsWhatIsTaken() {
        try (CudaContext context = CudaContext.open(0)) {
            CudaStream stream = context.stream(0);
            KernelLibrary library = new KernelLibrary(context, UserCache.folder());
            CudaWeights weights = new CudaWeights(
                    context,
                    stream,
                    DType.BF16,
                    new Kernels(library, DType.BF16),
                    new PackedKernels(library, DType.BF16, context.sharedBytesPerBlockMax()),
                    new WeightForms(WeightPrecision.INT8));
            List<WeightSpec> specs = List.of(
                    WeightSpec.of("a", Use.LINEAR, new RandomTensor("a", DType.BF16, 100, 512, 1, 0, 0.1)),
                    WeightSpec.of("b", Use.LINEAR, new RandomTensor("b", DType.BF16, 64, 48, 1, 0, 0.1)),
                    WeightSpec.of("c", Use.LOOKUP, new RandomTensor("c", DType.BF16, 1000, 512, 1, 0, 0.1)));
            long before = context.allocatedBytes();
            List<CudaWeight> loaded = specs.stream().map(weights::load).toList();
            weights.endLoading();
            assertThat(context.allocatedBytes() - before).isEqualTo(weights.bytes(specs));
            assertThat(loaded.get(0).isPacked()).isTrue();
            assertThat(loaded.get(1).isPacked()).as("48 columns").isFalse();
            library.close();
        }
    }
}
