package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import io.sliminfer.format.DType;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@GpuTest
class GemmGpuTests {

    @TempDir
    private Path cache;

    private CudaContext context;
    private CudaStream stream;

    @BeforeEach
    void open() {
        context = CudaContext.open(0);
        stream = context.stream(0);
    }

    @AfterEach
    void close() {
        context.close();
    }

    /** A matrix on host and device, its rows ld elements apart. */
    private final class Matrix {
        final DType type;
        final int rows;
        final int columns;
        final int ld;
        final PinnedMemory host;
        final DeviceMemory device;
        final ByteBuffer bytes;
        final int offset;

        Matrix(DType type, int rows, int columns, int ld, int offset, long seed) {
            this.type = type;
            this.rows = rows;
            this.columns = columns;
            this.ld = ld;
            this.offset = offset;
            int size = (offset + rows * ld) * type.bytes();
            host = context.pinned("host", size);
            device = context.allocate("device", size);
            bytes = host.buffer(0, size);
            Random random = new Random(seed);
            for (int i = 0; i < size / type.bytes(); i++) {
                write(i, random.nextFloat() * 2 - 1);
            }
            stream.copyToDevice(device.address(), host.address(), size);
        }

        long address() {
            return device.address() + (long) offset * type.bytes();
        }

        float at(int row, int column) {
            return read(offset + row * ld + column);
        }

        private float read(int index) {
            return switch (type) {
                case F32 -> bytes.getFloat(index * 4);
                case BF16 -> Float.intBitsToFloat(bytes.getShort(index * 2) << 16);
                case F16 -> halfToFloat(bytes.getShort(index * 2));
                case I32 -> throw new AssertionError();
            };
        }

        private void write(int index, float value) {
            switch (type) {
                case F32 -> bytes.putFloat(index * 4, value);
                case BF16 -> bytes.putShort(index * 2, (short) (Float.floatToRawIntBits(value) >>> 16));
                // Multiples of 1/256 below 1 are exact, and their bits need no rounding.
                case F16 -> bytes.putShort(index * 2, floatToHalf(Math.round(value * 256) / 256f));
                case I32 -> throw new AssertionError();
            }
        }

        void fetch() {
            stream.copyToHost(host.address(), device.address(), device.bytes());
            stream.synchronize();
        }
    }

    private static float halfToFloat(short half) {
        int exponent = half >> 10 & 31;
        int mantissa = half & 1023;
        float magnitude = exponent == 0
                ? mantissa * 0x1p-24f
                : exponent == 31 ? Float.POSITIVE_INFINITY : (1 + mantissa / 1024f) * Math.scalb(1f, exponent - 15);
        return half < 0 ? -magnitude : magnitude;
    }

    private static short floatToHalf(float value) {
        if (value == 0) {
            return 0;
        }
        int bits = Float.floatToRawIntBits(value);
        int exponent = (bits >>> 23 & 255) - 127 + 15;
        return (short) (bits >>> 16 & 0x8000 | exponent << 10 | bits >>> 13 & 1023);
    }

    private void requireProduct(
            Gemm gemm, DType type, DType yType, int m, int n, int k, int gap, int offset, boolean accumulate) {
        Matrix x = new Matrix(type, m, k, k + gap, offset, 1);
        Matrix w = new Matrix(type, n, k, k + gap, offset, 2);
        Matrix y = new Matrix(yType, m, n, n + gap, offset, 3);
        double[] products = new double[m * n];
        double[] expected = new double[m * n];
        for (int r = 0; r < m; r++) {
            for (int c = 0; c < n; c++) {
                double sum = 0;
                for (int i = 0; i < k; i++) {
                    sum += (double) x.at(r, i) * w.at(c, i);
                }
                products[r * n + c] = sum;
                expected[r * n + c] = sum + (accumulate ? y.at(r, c) : 0);
            }
        }
        float[] gaps = new float[m];
        for (int r = 0; r < m && gap > 0; r++) {
            gaps[r] = y.at(r, n);
        }
        boolean done = gemm.multiply(
                stream, y.address(), yType, y.ld, x.address(), x.ld, w.address(), w.ld, type, m, n, k, accumulate);
        if (!done) {
            // The library need not have an algorithm for every alignment, but for those of a model.
            int bytes = type.bytes();
            assertThat((long) x.ld * bytes % 16 == 0
                            && (long) y.ld * yType.bytes() % 16 == 0
                            && offset * bytes % 16 == 0)
                    .as("%s in %s [%d, %d, %d] is aligned and must run", type, yType, m, n, k)
                    .isFalse();
            System.out.printf(
                    "no algorithm for %s in %s [%d, %d, %d], gap %d, offset %d%n", type, yType, m, n, k, gap, offset);
            return;
        }
        y.fetch();
        // Sums of k products below 1 in float32, in any order, then rounded to yType once. Where it adds to a 16-bit y
        // the
        // library rounds twice, the product and then the sum: where the two nearly cancel, what the first leaves is
        // many
        // units of the result (H100, cuBLASLt 13.1: 0.513463 - 0.726563 gave -0.214844 in bf16, the nearest is
        // -0.212891).
        double sumError = k * 0x1p-21;
        double halfUnit = yType == DType.F32 ? 0x1p-24 : yType == DType.F16 ? 0x1p-11 : 0x1p-8;
        for (int r = 0; r < m; r++) {
            for (int c = 0; c < n; c++) {
                double value = expected[r * n + c];
                double first = accumulate ? Math.abs(products[r * n + c]) : 0;
                double error = sumError + first * halfUnit;
                assertThat((double) y.at(r, c))
                        .as("%s in %s [%d, %d, %d], row %d, column %d", type, yType, m, n, k, r, c)
                        .isCloseTo(value, offset(error + (Math.abs(value) + error) * halfUnit));
            }
            if (gap > 0) {
                assertThat(y.at(r, n)).as("gap of row %d", r).isEqualTo(gaps[r]);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "BF16, BF16",
        "BF16, F32",
        "F16, F16",
        "F16, F32",
        "F32, F32",
    })
    void agreesWithALoop(DType type, DType yType) {
        for (Gemm.Choice choice : Gemm.Choice.values()) {
            try (Gemm gemm = new Gemm(context, null, cache, choice)) {
                for (boolean accumulate : new boolean[] {false, true}) {
                    requireProduct(gemm, type, yType, 1, 64, 128, 0, 0, accumulate);
                    requireProduct(gemm, type, yType, 7, 33, 65, 0, 0, accumulate);
                    requireProduct(gemm, type, yType, 100, 96, 128, 8, 0, accumulate);
                }
                requireProduct(gemm, type, yType, 37, 61, 129, 3, 1, true);
                requireProduct(gemm, type, yType, 5, 64, 64, 0, 8, false);
            }
        }
    }

    @Test
    void f32IsNotRoundedToTf32() {
        // 1 + 2^-12 is exact in float32 and 1 in TF32.
        int k = 64;
        Matrix x = new Matrix(DType.F32, 32, k, k, 0, 1);
        Matrix w = new Matrix(DType.F32, 32, k, k, 0, 2);
        for (int i = 0; i < 32 * k; i++) {
            x.write(i, 1 + 0x1p-12f);
            w.write(i, 1);
        }
        stream.copyToDevice(x.address(), x.host.address(), x.host.bytes());
        stream.copyToDevice(w.address(), w.host.address(), w.host.bytes());
        Matrix y = new Matrix(DType.F32, 32, 32, 32, 0, 3);
        try (Gemm gemm = new Gemm(context, null, cache, Gemm.Choice.HEURISTIC)) {
            gemm.multiply(
                    stream, y.address(), DType.F32, 32, x.address(), k, w.address(), k, DType.F32, 32, 32, k, false);
            y.fetch();
        }
        assertThat(y.at(3, 5)).isEqualTo(k * (1 + 0x1p-12f));
    }

    @Test
    void measuresAClassOnceAndRemembersItOnDisk() {
        try (Gemm gemm = new Gemm(context, null, cache, Gemm.Choice.MEASURED)) {
            gemm.tune(
                    stream,
                    List.of(
                            new Gemm.Shape(DType.BF16, DType.BF16, 8, 512, 256, false),
                            new Gemm.Shape(DType.F32, DType.BF16, 300, 512, 256, true),
                            new Gemm.Shape(DType.F32, DType.BF16, 512, 512, 256, true)));
            assertThat(gemm.measurements())
                    .as("rows that were announced count alone")
                    .isEqualTo(3);
            requireProduct(gemm, DType.BF16, DType.F32, 301, 512, 256, 0, 0, true);
            assertThat(gemm.measurements())
                    .as("301 rows are in the class of 512")
                    .isEqualTo(3);
        }
        assertThat(context.allocatedBytes())
                .as("scratch and workspace are given back")
                .isLessThan(4L << 20);
        try (Gemm gemm = new Gemm(context, null, cache, Gemm.Choice.MEASURED)) {
            requireProduct(gemm, DType.BF16, DType.BF16, 8, 512, 256, 0, 0, false);
            requireProduct(gemm, DType.BF16, DType.F32, 299, 512, 256, 0, 0, true);
            assertThat(gemm.measurements()).as("found on disk").isZero();
            requireProduct(gemm, DType.BF16, DType.F32, 9, 512, 256, 0, 0, true);
            assertThat(gemm.measurements()).as("measured at first use").isEqualTo(1);
        }
        try (Gemm gemm = new Gemm(context, null, cache, Gemm.Choice.HEURISTIC)) {
            gemm.tune(stream, List.of(new Gemm.Shape(DType.BF16, DType.BF16, 5, 512, 256, false)));
            assertThat(gemm.measurements()).isZero();
        }
    }

    @Test
    void runsInACapturedGraph() {
        int m = 16;
        int n = 256;
        int k = 128;
        Matrix x = new Matrix(DType.BF16, m, k, k, 0, 1);
        Matrix w = new Matrix(DType.BF16, n, k, k, 0, 2);
        Matrix y = new Matrix(DType.F32, m, n, n, 0, 3);
        float before = y.at(3, 7);
        float product = 0;
        for (int i = 0; i < k; i++) {
            product += x.at(3, i) * w.at(7, i);
        }
        try (Gemm gemm = new Gemm(context, null, cache, Gemm.Choice.MEASURED)) {
            Runnable multiply = () -> gemm.multiply(
                    stream, y.address(), DType.F32, n, x.address(), k, w.address(), k, DType.BF16, m, n, k, true);
            multiply.run();
            stream.beginCapture();
            multiply.run();
            multiply.run();
            try (CudaGraph graph = stream.endCapture()) {
                stream.launch(graph);
                stream.launch(graph);
                y.fetch();
            }
        }
        assertThat(y.at(3, 7)).isCloseTo(before + 5 * product, offset(1e-3f));
    }

    @Test
    void reportsWhatMeasuringBrings() {
        try (Gemm gemm = new Gemm(context, null, cache, Gemm.Choice.MEASURED)) {
            long begin = System.nanoTime();
            gemm.tune(
                    stream,
                    List.of(
                            new Gemm.Shape(DType.BF16, DType.BF16, 16, 14336, 4096, false),
                            new Gemm.Shape(DType.BF16, DType.BF16, 512, 14336, 4096, false),
                            new Gemm.Shape(DType.BF16, DType.BF16, 2048, 14336, 4096, false),
                            new Gemm.Shape(DType.F32, DType.BF16, 2048, 4096, 14336, true)));
            assertThat(gemm.measurements()).isEqualTo(4);
            System.out.printf("four shapes of an 8B model measured in %.0f ms%n", (System.nanoTime() - begin) / 1e6);
        }
    }

    @Test
    void refusesTypesThatDoNotGoTogether() {
        try (Gemm gemm = new Gemm(context, null, cache, Gemm.Choice.HEURISTIC)) {
            assertThatThrownBy(
                            () -> gemm.multiply(stream, 256, DType.F16, 8, 256, 8, 256, 8, DType.BF16, 8, 8, 8, false))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("BF16 in F16");
        }
    }
}
