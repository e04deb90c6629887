package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.TestTensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightForm.Cache;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.WeightSpec.Use;
import io.sliminfer.format.DType;
import io.sliminfer.format.TensorSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.LoggerFactory;

/** What one start packs the next one finds; what it finds and does not trust it makes anew. */
class Int8CacheTests {

    private static final int COLUMNS = 130;
    private static final int ROWS = 600;
    /** Where the loss follows the description, whose length is at this place. */
    private static final int LENGTH_AT = 12;

    private static final int DESCRIPTION_AT = 16;

    @TempDir
    private Path temp;

    private Path folder;
    private final TensorSource weights = TestTensor.random("w", DType.F32, ROWS, COLUMNS, new Random(1), 1);

    @BeforeEach
    void needsFastProducts() {
        assumeThat(OneDnn.UNUSABLE).as("oneDNN's natives").isNull();
        assumeThat(Int8Support.find()).as("8-bit products").isNotEqualTo(Int8Support.NONE);
        folder = temp.resolve("model-key");
    }

    /** A tensor that nobody may quantise: reading for that goes past the mapping. */
    private record Unread(TensorSource source) implements TensorSource {

        @Override
        public String name() {
            return source.name();
        }

        @Override
        public DType dtype() {
            return source.dtype();
        }

        @Override
        public long rows() {
            return source.rows();
        }

        @Override
        public long columns() {
            return source.columns();
        }

        @Override
        public ByteBuffer rows(long from, long to) {
            return source.rows(from, to);
        }

        @Override
        public void copyRows(long from, long to, ByteBuffer into) {
            throw new AssertionError("the weight is read to be quantised");
        }
    }

    /** What a start gives: the form, the size, and the product with random rows. */
    private record Start(Cache cache, String type, double loss, long bytes, float[] product) {}

    private Start start(WeightSpec spec) {
        return start(spec, 2, folder);
    }

    private static Start start(WeightSpec spec, int threads, Path folder) {
        BackendSettings settings = new BackendSettings(DType.F32, threads)
                .withWeights(WeightPrecision.INT8)
                .withWeightCache(folder);
        try (OneDnnBackend backend = new OneDnnBackend(settings)) {
            Weight weight = backend.load(spec);
            return new Start(
                    weight.form().cache(),
                    weight.form().type(),
                    weight.form().loss().relative(),
                    weight.bytes(),
                    multiply(backend, weight));
        }
    }

    private static float[] multiply(OneDnnBackend backend, Weight weight) {
        int rows = 3;
        float[] x = new float[rows * (int) weight.columns()];
        Random random = new Random(9);
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        Tensor in = backend.allocate("in", DType.F32, rows, weight.columns());
        Tensor out = backend.allocate("out", DType.F32, rows, weight.rows());
        backend.ops().write(in, 0, x, x.length);
        backend.ops().linear(out, in, weight);
        float[] values = new float[rows * (int) weight.rows()];
        Readback readback = backend.readback(values.length);
        backend.ops().read(readback, out);
        readback.join();
        readback.get(0, values, values.length);
        return values;
    }

    private WeightSpec spec() {
        return WeightSpec.of("w", Use.LINEAR, weights);
    }

    private WeightSpec unread() {
        return WeightSpec.of("w", Use.LINEAR, new Unread(weights));
    }

    private Path file() {
        return folder.resolve("w.int8");
    }

    @Test
    void theNextStartReadsNoWeightAndMultipliesTheSame() throws IOException {
        Start first = start(spec());
        FileTime written = Files.getLastModifiedTime(file());

        Start second = start(unread());

        assertThat(first.cache).isEqualTo(Cache.MISSED);
        assertThat(second.cache).isEqualTo(Cache.FOUND);
        assertThat(second.product).isEqualTo(first.product);
        assertThat(second.loss).isEqualTo(first.loss).isPositive();
        assertThat(second.bytes).isEqualTo(first.bytes);
        assertThat(Files.getLastModifiedTime(file())).isEqualTo(written);
    }

    @Test
    void withoutAFolderNothingIsKept() {
        assertThat(start(spec(), 2, null).cache).isEqualTo(Cache.UNUSED);
        assertThat(temp).isEmptyDirectory();
    }

    @Test
    void stackedMatricesWithBiasesAndTiedTablesAreKeptToo() {
        TensorSource other = TestTensor.random("up", DType.BF16, ROWS, COLUMNS, new Random(2), 1);
        List<TensorSource> biases = List.of(
                TestTensor.random("b", DType.F32, 1, ROWS, new Random(3), 1),
                TestTensor.random("c", DType.F32, 1, ROWS, new Random(4), 1));
        Start first = start(new WeightSpec("gate", List.of(weights, other), biases, Use.LINEAR));
        Start second =
                start(new WeightSpec("gate", List.of(new Unread(weights), new Unread(other)), biases, Use.LINEAR));
        assertThat(second.cache).isEqualTo(Cache.FOUND);
        assertThat(second.product).isEqualTo(first.product);

        Start table = start(WeightSpec.of("table", Use.TABLE, weights));
        Start found = start(WeightSpec.of("table", Use.TABLE, new Unread(weights)));
        assertThat(found.cache).isEqualTo(Cache.FOUND);
        assertThat(found.product).isEqualTo(table.product);
        assertThat(found.bytes).isEqualTo(table.bytes);
    }

    @Test
    void aMatrixThatLosesTooMuchIsNotTriedAgain() throws IOException {
        float[] outliers = new float[16 * 256];
        Random random = new Random(5);
        for (int i = 0; i < outliers.length; i++) {
            outliers[i] = i % 256 == 3 ? 60 : (float) random.nextGaussian();
        }
        TensorSource source = TestTensor.of("w", DType.F32, 16, 256, outliers);
        Start first = start(WeightSpec.of("w", Use.LINEAR, source));
        Start second = start(WeightSpec.of("w", Use.LINEAR, new Unread(source)));

        assertThat(first.type).isEqualTo("f32");
        assertThat(second.type).isEqualTo("f32");
        assertThat(second.product).isEqualTo(first.product);
        assertThat(Files.size(file())).as("no weights in it").isLessThan(4096);
    }

    /** Ways in which a file is not what a start expects. */
    enum Damage {
        EMPTY(bytes -> new byte[0]),
        CUT_IN_ITS_HEADER(bytes -> Arrays.copyOf(bytes, 20)),
        CUT_AFTER_ITS_LOSS(bytes -> Arrays.copyOf(bytes, lossAt(bytes) + 16)),
        CUT_BY_A_BYTE(bytes -> Arrays.copyOf(bytes, bytes.length - 1)),
        TOO_LONG(bytes -> Arrays.copyOf(bytes, bytes.length + 1)),
        ANOTHER_FORMAT(bytes -> with(bytes, 0, (byte) 'X')),
        ANOTHER_VERSION(bytes -> with(bytes, 8, (byte) 77)),
        NEGATIVE_LENGTH(bytes -> with(bytes, LENGTH_AT + 3, (byte) -1)),
        HUGE_LENGTH(bytes -> with(bytes, LENGTH_AT + 3, (byte) 127)),
        ANOTHER_DESCRIPTION(bytes -> with(bytes, DESCRIPTION_AT + 30, (byte) '~')),
        A_LOSS_THAT_IS_NO_NUMBER(bytes -> withLoss(bytes, Double.NaN)),
        A_NEGATIVE_LOSS(bytes -> withLoss(bytes, -1)),
        AN_INFINITE_LOSS(bytes -> withLoss(bytes, Double.POSITIVE_INFINITY)),
        A_LOSS_THAT_FORBIDS_WEIGHTS(bytes -> withLoss(bytes, 1e30));

        private final UnaryOperator<byte[]> change;

        Damage(UnaryOperator<byte[]> change) {
            this.change = change;
        }

        private static int lossAt(byte[] bytes) {
            return DESCRIPTION_AT
                    + ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(LENGTH_AT);
        }

        private static byte[] with(byte[] bytes, int at, byte value) {
            bytes[at] = value;
            return bytes;
        }

        private static byte[] withLoss(byte[] bytes, double error) {
            ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putDouble(lossAt(bytes), error);
            return bytes;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDamagedFileIsMadeAnew(Damage damage) throws IOException {
        Start first = start(spec());
        Files.write(file(), damage.change.apply(Files.readAllBytes(file())));

        Start second = start(spec());
        assertThat(second.cache).isEqualTo(Cache.MISSED);
        assertThat(second.product).isEqualTo(first.product);
        assertThat(start(unread()).cache).isEqualTo(Cache.FOUND);
    }

    static Stream<WeightSpec> others() {
        TensorSource half = TestTensor.random("w", DType.BF16, ROWS, COLUMNS, new Random(1), 1);
        return Stream.of(
                WeightSpec.of("w", Use.LINEAR, half),
                WeightSpec.of("w", Use.LINEAR, TestTensor.random("w", DType.F32, ROWS, 64, new Random(1), 1)),
                WeightSpec.of("w", Use.LINEAR, TestTensor.random("v", DType.F32, ROWS, COLUMNS, new Random(1), 1)));
    }

    @ParameterizedTest
    @MethodSource("others")
    void aFileOfAnotherWeightIsReplaced(WeightSpec other) {
        start(spec());

        assertThat(start(other).cache).isEqualTo(Cache.MISSED);
        assertThat(start(other).cache).isEqualTo(Cache.FOUND);
    }

    @Test
    void aFileOfAnotherModelIsReplaced() throws IOException {
        start(spec());
        Path other = temp.resolve("other-key");
        Files.createDirectory(other);
        Files.copy(file(), other.resolve("w.int8"));

        assertThat(start(spec(), 2, other).cache).isEqualTo(Cache.MISSED);
    }

    /** Panels are cut so that every thread has some. */
    @Test
    void anotherNumberOfThreadsPacksAnew() {
        Start two = start(spec());
        Start three = start(spec(), 3, folder);

        assertThat(three.cache).isEqualTo(Cache.MISSED);
        assertThat(three.product).isEqualTo(two.product);
        assertThat(start(unread(), 3, folder).cache).isEqualTo(Cache.FOUND);
    }

    @Test
    void theDescriptionSaysWhatPackedBytesDependOn() throws IOException {
        start(spec());

        assertThat(new String(Files.readAllBytes(file()), StandardCharsets.ISO_8859_1))
                .contains("model model-key", "weight w", "part w F32 600 x 130", "oneDNN " + OneDnn.version())
                .contains(OneDnn.instructionSet(), "padded 192", "strides", "blocks", "panel 320 at 0 0<0+320");
    }

    @Test
    void severalProcessesMayFillAFolderAtOnce() {
        List<Start> starts =
                Stream.generate(() -> CompletableFuture.supplyAsync(() -> start(spec()))).limit(4).toList().stream()
                        .map(CompletableFuture::join)
                        .toList();

        assertThat(starts).allSatisfy(start -> assertThat(start.product).isEqualTo(starts.get(0).product));
        assertThat(names(folder)).containsExactly("w.int8");
        assertThat(start(unread()).cache).isEqualTo(Cache.FOUND);
    }

    @Test
    void whatADeadProcessLeftUnfinishedGoesAndWhatALivingOneWritesStays() throws IOException {
        Files.createDirectories(folder);
        Path dead = Files.writeString(folder.resolve("w.int8-1.tmp"), "half");
        Files.setLastModifiedTime(dead, FileTime.from(Instant.now().minus(Duration.ofHours(2))));
        Files.writeString(folder.resolve("w.int8-2.tmp"), "half");

        start(spec());

        assertThat(names(folder)).containsExactly("w.int8", "w.int8-2.tmp");
    }

    @Test
    void aFolderThatCannotBeMadeCostsTheCacheAndNotTheStart() throws IOException {
        Path file = Files.writeString(temp.resolve("file"), "");
        Start without = start(spec(), 2, null);
        ListAppender<ILoggingEvent> logged = new ListAppender<>();
        logged.start();
        Logger logger = (Logger) LoggerFactory.getLogger(Int8Cache.class);
        logger.addAppender(logged);
        Start start = start(spec(), 2, file.resolve("model-key"));
        logger.detachAppender(logged);

        assertThat(logged.list).singleElement().satisfies(event -> assertThat(event.getFormattedMessage())
                .contains("slim-infer.weight-cache", "w.int8 could not be written", "file"));

        assertThat(start.cache).isEqualTo(Cache.MISSED);
        assertThat(start.product).isEqualTo(without.product);
    }

    @Test
    void aFileThatCannotBeReplacedCostsTheCacheAndLeavesNothingBehind() throws IOException {
        Files.createDirectories(file().resolve("not empty"));
        Start start = start(spec());

        assertThat(start.cache).isEqualTo(Cache.MISSED);
        assertThat(start.type).isEqualTo("int8");
        assertThat(names(folder)).containsExactly("w.int8");
    }

    private static List<String> names(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
