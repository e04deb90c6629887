package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.format.GgufExport;
import io.sliminfer.format.SmallModels;
import io.sliminfer.model.WeightReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** An engine with {@code slim-infer.weight-cache}. */
@Timeout(120)
class WeightCacheEngineTests {

    /** Of 6 layers four each, and the output head. */
    private static final int MATRICES = 25;

    @TempDir
    private Path temp;

    private Path model;
    private Path cache;
    private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
    private final Logger logger = (Logger) LoggerFactory.getLogger(LocalEngine.class);

    @BeforeEach
    void writeModel() {
        model = temp.resolve("model");
        cache = temp.resolve("cache");
        SmallModels.llama().write(model);
        logged.start();
        logger.setLevel(Level.INFO);
        logger.addAppender(logged);
    }

    @AfterEach
    void stopLogging() {
        logger.detachAppender(logged);
        logger.setLevel(null);
    }

    private record Answer(List<Integer> tokens, WeightReport weights, long weightsBytes) {}

    private Answer answer(Path folder) {
        return answer(folder, WeightPrecision.INT8);
    }

    private Answer answer(Path folder, WeightPrecision precision) {
        BackendProvider.Availability availability = Backends.choose("cpu").availability();
        Assumptions.assumeTrue(availability.usable(), availability.reason());
        TestEngine.Settings settings = TestEngine.settings()
                .backend("cpu")
                .threads(2)
                .weights(precision)
                .weightCache(cache);
        try (TestEngine test = settings.open(folder)) {
            RecordedGeneration generation = test.submit(greedy(SmallModels.prompt(1, 40, 60), 16));
            generation.awaitFinish(FinishReason.LENGTH);
            return new Answer(
                    generation.tokens(),
                    test.engine.weights(),
                    test.engine.snapshot().memory().weightsBytes());
        }
    }

    @Test
    void theSecondStartFindsEveryMatrixAndAnswersTheSame() {
        Answer first = answer(model);
        Answer second = answer(model);

        assertThat(first.weights.cached()).isEqualTo(new WeightReport.Cached(0, MATRICES));
        assertThat(second.weights.cached()).isEqualTo(new WeightReport.Cached(MATRICES, MATRICES));
        assertThat(second.tokens).isEqualTo(first.tokens);
        assertThat(second.weightsBytes).isEqualTo(first.weightsBytes);
        assertThat(second.weights.error()).isEqualTo(first.weights.error());
        assertThat(messages(Level.INFO)).anyMatch(line -> line.contains("(0 of 25 from the cache, error"));
        assertThat(messages(Level.INFO)).anyMatch(line -> line.contains("(from the cache, error"));
        assertThat(messages(Level.WARN)).isEmpty();
    }

    @Test
    void aQuantisedGgufFileNeedsNoOtherSetting() {
        Path wide = SmallModels.llama()
                .config("hidden_size", "64")
                .config("intermediate_size", "96")
                .write(temp.resolve("wide"));
        Path file = GgufExport.write(wide, "Q8_0", temp.resolve("model.gguf"));
        Answer first = answer(file, WeightPrecision.AUTO);
        Answer second = answer(file, WeightPrecision.AUTO);

        assertThat(second.weights.cached()).isEqualTo(new WeightReport.Cached(MATRICES, MATRICES));
        assertThat(second.tokens).isEqualTo(first.tokens);
        assertThat(second.weights.text()).startsWith("int8").contains("(re-quantised from Q8_0, from the cache, error");
    }

    @Test
    void aModelThatMovedIsTheSameAndOneThatChangedIsAnother() throws IOException {
        answer(model);
        Path moved = Files.move(model, temp.resolve("moved"));
        assertThat(answer(moved).weights.cached()).isEqualTo(new WeightReport.Cached(MATRICES, MATRICES));

        Path file = moved.resolve("model.safetensors");
        Files.setLastModifiedTime(
                file, FileTime.fromMillis(Files.getLastModifiedTime(file).toMillis() + 5000));
        assertThat(answer(moved).weights.cached()).isEqualTo(new WeightReport.Cached(0, MATRICES));
    }

    @Test
    void saysSoWhereNothingIsPacked() {
        try (TestEngine test =
                TestEngine.settings().backend("java").weightCache(cache).open(model)) {
            assertThat(test.engine.weights().cached()).isNull();
        }
        assertThat(messages(Level.WARN)).singleElement().satisfies(line -> assertThat(line)
                .contains("slim-infer.weight-cache has no effect", "backend 'java'", "slim-infer.weights=auto"));
        assertThat(cache).doesNotExist();
    }

    @Test
    void refusesAFolderThatCannotBeUsedByName() throws IOException {
        Path file = Files.writeString(temp.resolve("file"), "");
        TestEngine.Settings settings = TestEngine.settings().backend("java");

        assertThatIllegalArgumentException()
                .isThrownBy(() -> settings.weightCache(file).open(model))
                .withMessage("slim-infer.weight-cache=" + file + ": it is a file: name a folder");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> settings.weightCache(temp.resolve("no/such")).open(model))
                .withMessageContaining(
                        "slim-infer.weight-cache=" + temp.resolve("no/such") + ": its parent is no folder");
    }

    @Test
    void refusesAnEmptyFolderThatCannotBeWritten() throws IOException {
        Files.createDirectory(cache);
        Assumptions.assumeTrue(
                cache.toFile().setWritable(false) && !Files.isWritable(cache), "this user writes anywhere");

        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        TestEngine.settings().backend("java").weightCache(cache).open(model))
                .withMessageContaining("cannot be written by this process");
    }

    private List<String> messages(Level level) {
        return logged.list.stream()
                .filter(event -> event.getLevel() == level)
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }
}
