package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.sliminfer.format.DType;
import io.sliminfer.format.SmallModels;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Who is told when something fails, and that nobody waits for ever. */
@Timeout(120)
class LocalEngineFailureTests {

    /** The id whose embedding is not a number in the broken model. */
    private static final int BROKEN_ID = 7;

    @TempDir
    static Path folder;

    @TempDir
    static Path broken;

    private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
    private final List<Logger> loggers = List.of(logger(EngineLoop.class), logger(LocalEngine.class));

    @BeforeAll
    static void writeModels() {
        SmallModels.llama().write(folder);
        SmallModels.llama()
                .tensors(weights ->
                        weights.add("model.embed_tokens.weight", DType.F32, new long[] {64, 32}, embeddingsWithNaN()))
                .write(broken);
    }

    private static float[] embeddingsWithNaN() {
        Random random = new Random(3);
        float[] values = new float[64 * 32];
        for (int i = 0; i < values.length; i++) {
            values[i] = i / 32 == BROKEN_ID ? Float.NaN : (float) random.nextGaussian();
        }
        return values;
    }

    private static Logger logger(Class<?> type) {
        return (Logger) LoggerFactory.getLogger(type);
    }

    @BeforeEach
    void listen() {
        logged.start();
        loggers.forEach(logger -> {
            logger.addAppender(logged);
            logger.setAdditive(false); // the stack traces are expected
        });
    }

    @AfterEach
    void stopListening() {
        loggers.forEach(logger -> {
            logger.detachAppender(logged);
            logger.setAdditive(true);
        });
    }

    private List<ILoggingEvent> errors() {
        return logged.list.stream()
                .filter(event -> event.getLevel() == Level.ERROR)
                .toList();
    }

    @Test
    void logitsThatAreNoNumbersFailTheirRequestAlone() {
        try (TestEngine test = TestEngine.settings().open(broken)) {
            int[] clean = {1, 2, 3, 4, 5};
            RecordedGeneration alone = test.submit(greedy(clean, 6));
            alone.awaitFinish(FinishReason.LENGTH);
            RecordedGeneration before = test.submit(greedy(clean, 6));
            RecordedGeneration invalid = test.submit(greedy(new int[] {1, BROKEN_ID, 3}, 6));
            RecordedGeneration after = test.submit(greedy(clean, 6));

            assertThat(invalid.awaitFailure(EngineException.Kind.INVALID_LOGITS))
                    .hasMessageContaining("is NaN")
                    .hasMessageContaining("slim-infer.compute-type");
            before.awaitFinish(FinishReason.LENGTH);
            after.awaitFinish(FinishReason.LENGTH);
            assertThat(invalid.tokens()).isEmpty();
            assertThat(before.tokens()).isEqualTo(alone.tokens());
            assertThat(after.tokens()).as("after slots that held NaN").isEqualTo(alone.tokens());
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void anOperationThatFailsInPrefillEndsItsRequestAlone() {
        int[] calls = {0};
        IllegalStateException failure = new IllegalStateException("the device said no");
        try (TestEngine test = TestEngine.settings()
                .hook((op, arguments) -> {
                    if (op.equals("ropeAndStore") && ++calls[0] == 4) {
                        throw failure;
                    }
                })
                .open(folder)) {
            RecordedGeneration failing = test.submit(greedy(test.prompt(1, 20), 4));
            RecordedGeneration next = test.submit(greedy(test.prompt(2, 20), 4));

            assertThat(failing.awaitFailure(EngineException.Kind.INTERNAL))
                    .hasMessageContaining("the device said no")
                    .hasCause(failure);
            next.awaitFinish(FinishReason.LENGTH);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void anOperationThatFailsInDecodeEndsThoseWhoDecode() {
        AtomicReference<RuntimeException> failure = new AtomicReference<>();
        try (TestEngine test = TestEngine.settings()
                .hook((op, arguments) -> {
                    RuntimeException thrown = op.equals("attend") ? failure.getAndSet(null) : null;
                    if (thrown != null) {
                        throw thrown;
                    }
                })
                .open(folder)) {
            RecordedGeneration first = test.submit(greedy(test.prompt(1, 20), 4000));
            RecordedGeneration second = test.submit(greedy(test.prompt(2, 20), 4000));
            first.awaitTokens(2);
            second.awaitTokens(2);
            failure.set(new IllegalStateException("the device said no"));

            first.awaitFailure(EngineException.Kind.INTERNAL);
            second.awaitFailure(EngineException.Kind.INTERNAL);
            assertThat(test.slotsUsedWhenIdle()).isZero();
            test.submit(greedy(test.prompt(3, 20), 4)).awaitFinish(FinishReason.LENGTH);
        }
    }

    @Test
    void anErrorOnTheEnginesThreadEndsEverybody() {
        HeldOps held = new HeldOps("embed", 1);
        try (TestEngine test = TestEngine.settings()
                        .batchMax(1)
                        .hook((op, arguments) -> {
                            held.before(op, arguments);
                            if (op.equals("attend")) {
                                throw new OutOfMemoryError("none left, says the test");
                            }
                        })
                        .open(folder);
                held) {
            RecordedGeneration running = test.submit(greedy(test.prompt(1, 20), 4));
            held.awaitHeld();
            RecordedGeneration waiting = test.submit(greedy(test.prompt(2, 20), 4));
            RecordedGeneration alsoWaiting = test.submit(greedy(test.prompt(3, 20), 4));
            held.release();

            for (RecordedGeneration each : List.of(running, waiting, alsoWaiting)) {
                assertThat(each.awaitFailure(EngineException.Kind.INTERNAL))
                        .hasMessageContaining("none left, says the test")
                        .hasCauseInstanceOf(OutOfMemoryError.class);
            }
            assertThatThrownBy(() -> test.submit(greedy(test.prompt(4, 20), 4)))
                    .isInstanceOfSatisfying(
                            EngineException.class, e -> assertThat(e.kind()).isEqualTo(EngineException.Kind.CLOSED));
            assertThat(errors()).extracting(ILoggingEvent::getMessage).anyMatch(text -> text.contains("stops"));
        }
    }

    @Test
    void aListenerThatThrowsAtATokenEndsItsRequestAlone() {
        for (Throwable thrown : List.of(
                new IllegalStateException("a listener's fault"),
                // Must not pass for a cancelled prefill.
                new CancellationException("a listener's fault"),
                new AssertionError("a listener's fault"))) {
            try (TestEngine test = TestEngine.settings().open(folder)) {
                RecordedGeneration good = test.submit(greedy(test.prompt(1, 20), 200));
                RecordedGeneration bad = new RecordedGeneration() {
                    @Override
                    public synchronized void onToken(int id) {
                        super.onToken(id);
                        sneak(thrown);
                    }
                };
                test.engine.submit(greedy(test.prompt(2, 20), 200), bad);

                assertThat(bad.awaitFailure(EngineException.Kind.INTERNAL))
                        .hasMessageContaining("token listener failed")
                        .hasCause(thrown);
                good.awaitFinish(FinishReason.LENGTH);
                assertThat(bad.tokens()).hasSize(1);
                assertThat(test.slotsUsedWhenIdle()).isZero();
                assertThat(errors())
                        .extracting(event -> event.getThrowableProxy().getMessage())
                        .contains("a listener's fault");
            }
        }
    }

    @Test
    void aListenerThatThrowsAtTheEndHarmsNobody() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            RecordedGeneration good = test.submit(greedy(test.prompt(1, 20), 100));
            ThrowsAtEnd finishing = new ThrowsAtEnd();
            ThrowsAtEnd cancelled = new ThrowsAtEnd();
            test.engine.submit(greedy(test.prompt(2, 20), 2), finishing);
            test.engine.submit(greedy(test.prompt(3, 20), 4000), cancelled).cancel();

            finishing.awaitFinish(FinishReason.LENGTH);
            cancelled.awaitFinish(FinishReason.CANCELLED);
            good.awaitFinish(FinishReason.LENGTH);

            assertThat(test.slotsUsedWhenIdle()).isZero();
            assertThat(errors()).hasSize(2);
        }
    }

    @Test
    void aListenerThatThrowsWhenToldOfTheEnginesEndHarmsNobody() {
        HeldOps held = new HeldOps("embed", 1);
        try (TestEngine test = TestEngine.settings()
                        .hook((op, arguments) -> {
                            held.before(op, arguments);
                            if (op.equals("attend")) {
                                throw new StackOverflowError();
                            }
                        })
                        .open(folder);
                held) {
            ThrowsAtEnd running = new ThrowsAtEnd();
            test.engine.submit(greedy(test.prompt(1, 20), 4), running);
            held.awaitHeld();
            RecordedGeneration waiting = test.submit(greedy(test.prompt(2, 20), 4));
            held.release();

            running.awaitFailure(EngineException.Kind.INTERNAL);
            waiting.awaitFailure(EngineException.Kind.INTERNAL);
        }
    }

    @Test
    void aBackendThatCannotBeOpenedFailsTheEnginesOpening() {
        assertThatThrownBy(() -> TestEngine.settings()
                        .backend("java")
                        .hook((op, arguments) -> {
                            throw new IllegalStateException("no device");
                        })
                        .open(folder)
                        .close())
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("no device");
    }

    /** Records its end and throws then. */
    private static final class ThrowsAtEnd extends RecordedGeneration {
        @Override
        public synchronized void onFinished(FinishReason reason, GenerationReport report) {
            super.onFinished(reason, report);
            throw new IllegalStateException("a listener's fault");
        }

        @Override
        public synchronized void onFailed(RuntimeException failure) {
            super.onFailed(failure);
            throw new IllegalStateException("a listener's fault");
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable thrown) throws T {
        throw (T) thrown;
    }
}
