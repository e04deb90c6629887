package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.backend.HookedBackend;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.heap.HeapTensor;
import io.sliminfer.format.SmallModels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How requests begin and end: cancelling, a full queue, closing. Their ids are judged elsewhere. */
@Timeout(120)
class LocalEngineTests {

    @TempDir
    static Path folder;

    @BeforeAll
    static void writeModel() {
        SmallModels.llama().write(folder);
    }

    private static void assertServes(TestEngine test) {
        assertThat(test.slotsUsedWhenIdle()).as("slots used when idle").isZero();
        RecordedGeneration next = test.submit(greedy(test.prompt(99, 20), 3));
        assertThat(next.awaitFinish(FinishReason.LENGTH).generatedTokens()).isEqualTo(3);
        assertThat(next.tokens()).hasSize(3);
        assertThat(test.slotsUsedWhenIdle()).as("slots used at the end").isZero();
    }

    @Test
    void reportsWhatARequestCost() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            RecordedGeneration generation = test.submit(greedy(test.prompt(1, 100), 5));

            GenerationReport report = generation.awaitFinish(FinishReason.LENGTH);

            assertThat(report.promptTokens()).isEqualTo(100);
            assertThat(report.generatedTokens()).isEqualTo(5);
            assertThat(report.prunedShare()).isZero();
            assertThat(report.flopsSavedShare()).isZero();
            // 104 tokens (the last one is never stored) are 2 slots of 64 tokens in each of 6 layers; a token has
            // keys and values of 2 heads of 16 floats.
            assertThat(report.kvBytes()).isEqualTo(6 * 2 * 64 * (2 * 2 * 16 * 4));
            assertThat(report.stages()).containsExactly(new GenerationReport.Stage(0, 5, 100, List.of(0, 1)));
            assertServes(test);
        }
    }

    @Test
    void aStopIdEndsTheAnswerAndIsNotPassedOn() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            int[] prompt = test.prompt(2, 30);
            RecordedGeneration free = test.submit(greedy(prompt, 8));
            free.awaitFinish(FinishReason.LENGTH);
            int stop = free.tokens().get(5);
            int first = free.tokens().indexOf(stop);

            RecordedGeneration stopped =
                    test.submit(new GenerationRequest(prompt, Sampling.GREEDY, 8, Set.of(stop), null));

            assertThat(stopped.awaitFinish(FinishReason.STOP).generatedTokens()).isEqualTo(first + 1);
            assertThat(stopped.tokens()).isEqualTo(free.tokens().subList(0, first));
        }
    }

    @Test
    void aListenerSeesTheLogitsOfEachToken() {
        List<Integer> likeliest = new ArrayList<>();
        RecordedGeneration generation = new RecordedGeneration() {
            @Override
            public boolean wantsLogits() {
                return true;
            }

            @Override
            public void onLogits(float[] logits) {
                int best = 0;
                for (int i = 1; i < logits.length; i++) {
                    best = logits[i] > logits[best] ? i : best;
                }
                likeliest.add(best);
            }
        };
        try (TestEngine test = TestEngine.settings().open(folder)) {
            test.engine.submit(greedy(test.prompt(1, 30), 5), generation);

            generation.awaitFinish(FinishReason.LENGTH);

            assertThat(likeliest).hasSize(5).isEqualTo(generation.tokens());
        }
    }

    @Test
    void greedyTokensAreThoseOfTheSamplerWithAndWithoutLogitsOnTheHost() {
        AtomicInteger onDevice = new AtomicInteger();
        HookedBackend.Hook hook = (op, arguments) -> onDevice.addAndGet(op.equals("argmax") ? 1 : 0);
        RecordedGeneration withLogits = new RecordedGeneration() {
            @Override
            public boolean wantsLogits() {
                return true;
            }
        };
        try (TestEngine test = TestEngine.settings().hook(hook).open(folder)) {
            int[] prompt = test.prompt(1, 30);
            test.engine.submit(greedy(prompt, 6), withLogits);
            withLogits.awaitFinish(FinishReason.LENGTH);
            assertThat(onDevice).hasValue(0);

            RecordedGeneration alone = test.submit(greedy(prompt, 6));
            alone.awaitFinish(FinishReason.LENGTH);

            // The prompt's last row is sampled on the host.
            assertThat(onDevice).hasValue(5);
            assertThat(alone.tokens()).isEqualTo(withLogits.tokens());
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
    void logitsOfDecodeThatAreNoNumbersFailTheirRequestAsTheSamplerSays(float bad) {
        AtomicInteger steps = new AtomicInteger();
        HookedBackend.Hook hook = (op, arguments) -> {
            if (op.equals("argmax") && steps.incrementAndGet() == 3) {
                HeapTensor logits = HeapTensor.of((Tensor) arguments[1]);
                logits.floats()[logits.at(0) + 7] = bad;
            }
        };
        try (TestEngine test = TestEngine.settings().backend("java").hook(hook).open(folder)) {
            RecordedGeneration generation = test.submit(greedy(test.prompt(1, 30), 9));

            assertThat(generation.awaitFailure(EngineException.Kind.INVALID_LOGITS))
                    .hasMessageContaining("the logit of token 7 is " + bad);
            assertThat(generation.tokens()).hasSize(3);
        }
    }

    @Test
    void aListenerThatFailsOnLogitsEndsItsRequestAlone() {
        RecordedGeneration failing = new RecordedGeneration() {
            @Override
            public boolean wantsLogits() {
                return true;
            }

            @Override
            public void onLogits(float[] logits) {
                throw new IllegalStateException("no room");
            }
        };
        try (TestEngine test = TestEngine.settings().open(folder)) {
            RecordedGeneration other = test.submit(greedy(test.prompt(2, 30), 5));
            test.engine.submit(greedy(test.prompt(1, 30), 5), failing);

            assertThat(failing.awaitFailure(EngineException.Kind.INTERNAL)).hasMessageContaining("no room");
            assertThat(failing.tokens()).isEmpty();
            other.awaitFinish(FinishReason.LENGTH);
        }
    }

    @Test
    void theModelsPositionsLimitTheAnswer() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            RecordedGeneration generation = test.submit(greedy(test.prompt(3, 4090), 1000));

            assertThat(generation.awaitFinish(FinishReason.LENGTH).generatedTokens())
                    .isEqualTo(4096 - 4090);
        }
    }

    @Test
    void cancelsWhatWaits() {
        HeldOps held = new HeldOps("embed", 1);
        try (TestEngine test = TestEngine.settings().hook(held).open(folder);
                held) {
            RecordedGeneration running = test.submit(greedy(test.prompt(1, 20), 4));
            held.awaitHeld();
            RecordedGeneration waiting = new RecordedGeneration();
            Generation generation = test.engine.submit(greedy(test.prompt(2, 20), 4), waiting);
            generation.cancel();
            held.release();

            GenerationReport report = waiting.awaitFinish(FinishReason.CANCELLED);

            assertThat(report.generatedTokens()).isZero();
            assertThat(report.kvBytes()).isZero();
            assertThat(waiting.tokens()).isEmpty();
            running.awaitFinish(FinishReason.LENGTH);
            assertServes(test);
        }
    }

    @Test
    void cancelsAPrefillWithinATile() {
        // 200 tokens are 8 tiles of 16 and one of 72, which holds the window of 64: the 12th tile is in the second
        // layer.
        HeldOps held = new HeldOps("attend", 12);
        try (TestEngine test = TestEngine.settings().hook(held).open(folder);
                held) {
            RecordedGeneration running = new RecordedGeneration();
            Generation generation = test.engine.submit(greedy(test.prompt(1, 200), 4), running);
            held.awaitHeld();
            generation.cancel();
            held.release();

            GenerationReport report = running.awaitFinish(FinishReason.CANCELLED);

            assertThat(held.calls()).as("tiles after the cancel").isEqualTo(12);
            assertThat(report.generatedTokens()).isZero();
            assertThat(report.kvBytes()).isPositive();
            assertThat(running.tokens()).isEmpty();
            assertServes(test);
        }
    }

    @Test
    void cancelsAnAnswerAtTheNextToken() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            RecordedGeneration running = new RecordedGeneration();
            Generation generation = test.engine.submit(greedy(test.prompt(1, 20), 4000), running);
            running.awaitTokens(3);
            generation.cancel();

            GenerationReport report = running.awaitFinish(FinishReason.CANCELLED);

            assertThat(report.generatedTokens())
                    .isBetween(3, 3999)
                    .isEqualTo(running.tokens().size());
            generation.cancel(); // a finished generation ignores it
            assertServes(test);
        }
    }

    @Test
    void anAnswerThatIsWholeHasNotBeenCancelled() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            RecordedGeneration running = new RecordedGeneration();
            Generation generation = test.engine.submit(greedy(test.prompt(1, 20), 4000), running);
            running.awaitTokens(3);
            generation.stop();

            assertThat(running.awaitFinish(FinishReason.STOP).generatedTokens()).isBetween(3, 3999);
            assertServes(test);
        }
    }

    @Test
    void refusesAtOnceWhatTheQueueCannotTake() {
        HeldOps held = new HeldOps("embed", 1);
        try (TestEngine test = TestEngine.settings()
                        .batchMax(1)
                        .queueCapacity(2)
                        .hook(held)
                        .open(folder);
                held) {
            RecordedGeneration running = test.submit(greedy(test.prompt(1, 20), 2));
            held.awaitHeld();
            RecordedGeneration first = test.submit(greedy(test.prompt(2, 20), 2));
            RecordedGeneration second = test.submit(greedy(test.prompt(3, 20), 2));

            assertThatThrownBy(() -> test.submit(greedy(test.prompt(4, 20), 2)))
                    .isInstanceOfSatisfying(
                            EngineException.class, e -> assertThat(e.kind()).isEqualTo(EngineException.Kind.QUEUE_FULL))
                    .hasMessageContaining("slim-infer.queue-capacity=2");
            held.release();

            for (RecordedGeneration accepted : List.of(running, first, second)) {
                accepted.awaitFinish(FinishReason.LENGTH);
            }
            assertServes(test);
        }
    }

    @Test
    void aRequestWaitsUntilItsSlotsAreFree() {
        // 6 layers with one slot of 64 tokens each: 14 slots hold two requests of at most 64 tokens, but not three.
        long slotBytes = 64 * 2 * 2 * 16 * 4;
        try (TestEngine test =
                TestEngine.settings().kvMemoryBytes(14 * slotBytes).open(folder)) {
            assertThat(test.engine.snapshot().kv().device().slots()).isEqualTo(14);
            List<RecordedGeneration> all = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                all.add(test.submit(greedy(test.prompt(i, 20), 10)));
            }

            all.forEach(generation -> generation.awaitFinish(FinishReason.LENGTH));

            assertServes(test);
        }
    }

    @Test
    void closingEndsWhatRunsAndWhatWaits() throws InterruptedException {
        HeldOps held = new HeldOps("attend", 20);
        try (TestEngine test = TestEngine.settings().batchMax(1).hook(held).open(folder);
                held) {
            RecordedGeneration running = test.submit(greedy(test.prompt(1, 20), 4000));
            RecordedGeneration waiting = test.submit(greedy(test.prompt(2, 20), 4));
            held.awaitHeld();
            Thread closer = new Thread(test.engine::close, "closer");
            closer.start();
            RecordedGeneration.await("close() to wait", () -> closer.getState() == Thread.State.WAITING);
            held.release();

            assertThat(running.awaitFailure(EngineException.Kind.CLOSED)).hasMessage("the engine was closed");
            waiting.awaitFailure(EngineException.Kind.CLOSED);
            closer.join();
            assertThat(test.engine.snapshot().kv().device().used()).isZero();
            test.engine.close(); // twice is allowed
            assertThatThrownBy(() -> test.submit(greedy(test.prompt(3, 20), 4)))
                    .isInstanceOfSatisfying(
                            EngineException.class, e -> assertThat(e.kind()).isEqualTo(EngineException.Kind.CLOSED));
        }
    }

    @Test
    void aListenerMayCloseTheEngine() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            RecordedGeneration recorded = new RecordedGeneration() {
                @Override
                public synchronized void onToken(int id) {
                    super.onToken(id);
                    test.engine.close();
                }
            };
            test.engine.submit(greedy(test.prompt(1, 20), 4000), recorded);

            recorded.awaitFailure(EngineException.Kind.CLOSED);

            assertThat(recorded.tokens()).hasSize(1);
        }
    }
}
