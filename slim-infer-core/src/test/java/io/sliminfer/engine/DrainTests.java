package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.format.SmallModels;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** How an engine stops without breaking off what it said it would do. */
@Timeout(120)
class DrainTests {

    private static final Duration LONG = Duration.ofMinutes(1);

    @TempDir
    static Path folder;

    @BeforeAll
    static void writeModel() {
        SmallModels.llama().write(folder);
    }

    private static void assertRefuses(TestEngine test) {
        assertThatThrownBy(() -> test.submit(greedy(test.prompt(9, 20), 4)))
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.kind()).isEqualTo(EngineException.Kind.CLOSED));
    }

    @Test
    void letsRunningAnswersEndAndRefusesTheOthers() {
        HeldOps held = new HeldOps("embed", 3);
        try (TestEngine test = TestEngine.settings().batchMax(1).hook(held).open(folder);
                held) {
            RecordedGeneration running = test.submit(greedy(test.prompt(1, 20), 50));
            RecordedGeneration waiting = test.submit(greedy(test.prompt(2, 20), 4));
            held.awaitHeld();
            CompletableFuture<Boolean> drained = CompletableFuture.supplyAsync(() -> test.engine.drain(LONG));
            RecordedGeneration.await("closing", () -> test.engine.snapshot().state() == EngineState.CLOSING);
            assertRefuses(test);
            held.release();

            assertThat(drained.join()).as("all came to their own end").isTrue();
            running.awaitFinish(FinishReason.LENGTH);
            assertThat(running.tokens()).hasSize(50);
            assertThat(waiting.awaitFailure(EngineException.Kind.CLOSED))
                    .hasMessage("the engine is closing and begins no more requests");
            assertThat(test.slotsUsedWhenIdle()).isZero();
            assertThat(test.engine.snapshot().state()).isEqualTo(EngineState.CLOSING);
            assertRefuses(test);
            assertThat(test.engine.drain(Duration.ZERO)).as("again").isTrue();
            test.engine.close();
            assertThat(test.engine.snapshot().state()).isEqualTo(EngineState.CLOSED);
            assertThat(test.engine.drain(LONG)).as("after the end").isTrue();
        }
    }

    @Test
    void stopsAnswersThatTakeLongerThanTheGrace() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            RecordedGeneration running = test.submit(greedy(test.prompt(1, 20), 4000));
            running.awaitTokens(2);

            assertThat(test.engine.drain(Duration.ofMillis(1))).isFalse();

            assertThat(running.hasEnded()).isTrue();
            running.awaitFailure(EngineException.Kind.CLOSED);
            assertThat(running.tokens()).hasSizeBetween(2, 3999);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void stopsAPrefillWithinATile() {
        // 200 tokens are 8 tiles of 16 and one of 72: the 12th tile is in the second layer.
        HeldOps held = new HeldOps("attend", 12);
        try (TestEngine test = TestEngine.settings().hook(held).open(folder);
                held) {
            RecordedGeneration running = test.submit(greedy(test.prompt(1, 200), 4));
            held.awaitHeld();
            Thread closer = new Thread(test.engine::close, "closer");
            closer.start();
            RecordedGeneration.await("close() to wait", () -> closer.getState() == Thread.State.WAITING);
            held.release();

            running.awaitFailure(EngineException.Kind.CLOSED);
            assertThat(held.calls()).as("tiles after the close").isEqualTo(12);
        }
    }

    @Test
    void anInterruptEndsTheGrace() throws InterruptedException {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            RecordedGeneration running = test.submit(greedy(test.prompt(1, 20), 4000));
            running.awaitTokens(1);
            CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
            Thread drainer = new Thread(
                    () -> {
                        test.engine.drain(LONG);
                        interrupted.complete(Thread.currentThread().isInterrupted());
                    },
                    "drainer");
            drainer.start();
            drainer.interrupt();

            assertThat(interrupted.join()).as("still interrupted afterwards").isTrue();
            running.awaitFailure(EngineException.Kind.CLOSED);
            drainer.join();
        }
    }

    @Test
    void aListenerMayDrain() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            RecordedGeneration recorded = new RecordedGeneration() {
                @Override
                public synchronized void onToken(int id) {
                    super.onToken(id);
                    test.engine.drain(LONG);
                }
            };
            test.engine.submit(greedy(test.prompt(1, 20), 5), recorded);

            recorded.awaitFinish(FinishReason.LENGTH);

            assertThat(recorded.tokens()).hasSize(5);
            assertRefuses(test);
        }
    }
}
