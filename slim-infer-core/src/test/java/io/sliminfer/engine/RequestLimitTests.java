package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.format.SmallModels;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Time-outs in every state of a request, and how long an answer may be. */
@Timeout(120)
class RequestLimitTests {

    private static final Duration SHORT = Duration.ofMillis(40);

    /** Time to come to the operation that a test holds, on a busy machine too. */
    private static final Duration ENOUGH = Duration.ofSeconds(2);

    @TempDir
    static Path folder;

    private final RecordedEngine told = new RecordedEngine();

    @BeforeAll
    static void writeModel() {
        SmallModels.llama().write(folder);
    }

    private static GenerationRequest limited(int[] prompt, int maxTokens, Duration timeout) {
        return new GenerationRequest(prompt, Sampling.GREEDY, maxTokens, Set.of(), null, true, null, timeout);
    }

    /** Holds the engine's thread for longer than {@link #SHORT}, which is not what a test waits for but what it is about. */
    private static void outlast(HeldOps held) {
        long begin = System.nanoTime();
        RecordedGeneration.await("the time-out", () -> System.nanoTime() - begin > SHORT.toNanos());
        held.release();
    }

    private static void awaitAge(TestEngine test, Duration age) {
        RecordedGeneration.await(
                "the time-out",
                () -> test.engine.snapshot().requests().get(0).age().compareTo(age) > 0);
    }

    @Test
    void whatWaitsLongerThanItMayIsRefused() {
        HeldOps held = new HeldOps("embed", 1);
        try (TestEngine test = TestEngine.settings()
                        .batchMax(1)
                        .queueWait(SHORT)
                        .listener(told)
                        .hook(held)
                        .open(folder);
                held) {
            RecordedGeneration running = test.submit(greedy(test.prompt(1, 20), 4));
            held.awaitHeld();
            RecordedGeneration waiting = test.submit(greedy(test.prompt(2, 20), 4));
            outlast(held);

            assertThat(waiting.awaitFailure(EngineException.Kind.QUEUE_TIMEOUT))
                    .hasMessageStartingWith("the request waited longer than slim-infer.queue-wait=0.04 s allows");
            assertThat(waiting.tokens()).isEmpty();
            running.awaitFinish(FinishReason.LENGTH);
            assertThat(test.slotsUsedWhenIdle()).isZero();
            assertThat(told.all(RecordedEngine.Failed.class))
                    .extracting(failed -> failed.request().id(), failed -> failed.failure()
                            .kind())
                    .containsExactly(org.assertj.core.groups.Tuple.tuple(2L, EngineException.Kind.QUEUE_TIMEOUT));
        }
    }

    @Test
    void aTimeoutEndsWhatWaits() {
        HeldOps held = new HeldOps("embed", 1);
        try (TestEngine test = TestEngine.settings().batchMax(1).hook(held).open(folder);
                held) {
            RecordedGeneration running = test.submit(greedy(test.prompt(1, 20), 4));
            held.awaitHeld();
            RecordedGeneration waiting = test.submit(limited(test.prompt(2, 20), 4, SHORT));
            outlast(held);

            assertThat(waiting.awaitFailure(EngineException.Kind.TIMEOUT))
                    .hasMessageContaining("within its time-out of 0.04 s: it was still waiting")
                    .hasMessageContaining("slim-infer.chat.timeout");
            running.awaitFinish(FinishReason.LENGTH);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void aTimeoutEndsAPrefillWithinATile() {
        // 200 tokens are 8 tiles of 16 and one of 72: the 12th tile is in the second layer.
        HeldOps held = new HeldOps("attend", 12);
        try (TestEngine test = TestEngine.settings().hook(held).open(folder);
                held) {
            RecordedGeneration running = test.submit(limited(test.prompt(1, 200), 4, ENOUGH));
            held.awaitHeld();
            awaitAge(test, ENOUGH);
            held.release();

            assertThat(running.awaitFailure(EngineException.Kind.TIMEOUT))
                    .hasMessageContaining("0 of at most 4 tokens were generated");
            assertThat(held.calls()).as("tiles after the time-out").isEqualTo(12);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void aTimeoutEndsAnAnswerAfterWhatItHasGenerated() {
        HeldOps held = new HeldOps("embed", 4);
        try (TestEngine test = TestEngine.settings().listener(told).hook(held).open(folder);
                held) {
            RecordedGeneration running = test.submit(limited(test.prompt(1, 20), 4000, ENOUGH));
            held.awaitHeld();
            awaitAge(test, ENOUGH);
            held.release();

            assertThat(running.awaitFailure(EngineException.Kind.TIMEOUT))
                    .hasMessageContaining("4 of at most 4000 tokens were generated");
            assertThat(running.tokens()).as("the step that ran still counts").hasSize(4);
            assertThat(test.slotsUsedWhenIdle()).isZero();
            assertThat(told.all(RecordedEngine.Failed.class).get(0).report().generatedTokens())
                    .isEqualTo(4);
        }
    }

    @Test
    void aTimeoutThatIsNotReachedChangesNothing() {
        try (TestEngine test =
                TestEngine.settings().queueWait(Duration.ofHours(1)).open(folder)) {
            int[] prompt = test.prompt(1, 20);
            RecordedGeneration free = test.submit(greedy(prompt, 8));
            free.awaitFinish(FinishReason.LENGTH);
            RecordedGeneration bounded = test.submit(limited(prompt, 8, Duration.ofSeconds(Long.MAX_VALUE)));
            bounded.awaitFinish(FinishReason.LENGTH);

            assertThat(bounded.tokens()).isEqualTo(free.tokens());
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -5})
    void aTimeoutMustBeAboveZero(long seconds) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> limited(new int[] {1}, 1, Duration.ofSeconds(seconds)))
                .withMessageStartingWith("timeout=PT")
                .withMessageContaining("above zero");
    }

    @Test
    void refusesToGenerateMoreThanAllowed() {
        try (TestEngine test = TestEngine.settings().maxAnswerTokens(10).open(folder)) {
            assertThat(test.engine.maxAnswerTokens()).isEqualTo(10);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> test.submit(greedy(test.prompt(1, 20), 11)))
                    .withMessage("max-tokens=11 is more than slim-infer.max-answer-tokens=10 allows: ask for less, or"
                            + " raise it");
            test.submit(greedy(test.prompt(1, 20), 10)).awaitFinish(FinishReason.LENGTH);
        }
        try (TestEngine test = TestEngine.settings().open(folder)) {
            assertThat(test.engine.maxAnswerTokens()).isEqualTo(4095);
        }
    }
}
