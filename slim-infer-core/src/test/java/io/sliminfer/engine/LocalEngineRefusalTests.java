package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is refused before it reaches the engine's thread, with the numbers and the property to change. */
class LocalEngineRefusalTests {

    /** Keys and values of 64 tokens with 2 heads of 16 floats. */
    private static final long SLOT_BYTES = 64 * 2 * 2 * 16 * 4;

    @TempDir
    static Path folder;

    @BeforeAll
    static void writeModel() {
        SmallModels.llama().write(folder);
    }

    @Test
    void namesBothLengthsAndThePropertyOfAPromptThatIsTooLong() {
        try (TestEngine test = TestEngine.settings().maxPromptTokens(50).open(folder)) {
            assertThat(test.engine.maxPromptTokens()).isEqualTo(50);
            assertThatThrownBy(() -> test.submit(greedy(test.prompt(1, 51), 4)))
                    .isInstanceOfSatisfying(EngineException.class, e -> assertThat(e.kind())
                            .isEqualTo(EngineException.Kind.PROMPT_TOO_LONG))
                    .hasMessageStartingWith("the prompt has 51 tokens, slim-infer.max-prompt-tokens allows 50");
            test.submit(greedy(test.prompt(1, 50), 4)).awaitFinish(FinishReason.LENGTH);
        }
    }

    @Test
    void namesTheModelsLimitWhereNoneIsConfigured() {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            assertThatThrownBy(() -> test.submit(greedy(test.prompt(1, 4096), 4)))
                    .isInstanceOf(EngineException.class)
                    .hasMessageContaining("the prompt has 4096 tokens, the model takes 4095")
                    .hasMessageContaining("max_position_embeddings=4096")
                    .hasMessageContaining("slim-infer.max-prompt-tokens");
        }
    }

    @Test
    void namesTheSlotsOfARequestThatCanNeverFit() {
        try (TestEngine test =
                TestEngine.settings().kvMemoryBytes(20 * SLOT_BYTES).open(folder)) {
            // 129 + 128 - 1 tokens are 4 slots in each of 6 layers.
            assertThatThrownBy(() -> test.submit(greedy(test.prompt(1, 129), 128)))
                    .isInstanceOfSatisfying(EngineException.class, e -> assertThat(e.kind())
                            .isEqualTo(EngineException.Kind.OUT_OF_MEMORY))
                    .hasMessageStartingWith("slim-infer.kv-cache.memory=" + 20 * SLOT_BYTES + " bytes holds 20 slots;"
                            + " a prompt of 129 tokens with up to 128 generated needs 24.");
            // 129 + 64 - 1 tokens are 3 slots a layer.
            test.submit(greedy(test.prompt(1, 129), 64)).awaitFinish(FinishReason.LENGTH);
        }
    }

    @Test
    void aScheduleThatPrunesNeedsFewerSlots() {
        PruneSchedule schedule = new PruneSchedule(16, 8, 16, 16, List.of(new PruneStep(0, new Budget.Tokens(64))));
        try (TestEngine test =
                TestEngine.settings().kvMemoryBytes(14 * SLOT_BYTES).open(folder)) {
            int[] prompt = test.prompt(1, 300);
            assertThatThrownBy(() -> test.submit(greedy(prompt, 40))).hasMessageContaining("needs 36.");

            // 339 tokens in layer 0 are 6 slots, 103 in the other five 2 each: 16 of 14.
            assertThatThrownBy(
                            () -> test.submit(new GenerationRequest(prompt, Sampling.GREEDY, 40, Set.of(), schedule)))
                    .hasMessageContaining("needs 16.");
            // One token needs no slot of its own: 5 and 5 times 1.
            test.submit(new GenerationRequest(prompt, Sampling.GREEDY, 1, Set.of(), schedule))
                    .awaitFinish(FinishReason.LENGTH);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 64, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void namesAnIdThatTheVocabularyLacks(int id) {
        try (TestEngine test = TestEngine.settings().open(folder)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> test.submit(greedy(new int[] {1, id, 2}, 4)))
                    .withMessage("token id " + id + " is not in the vocabulary of 64 tokens");
        }
    }

    @Test
    void aPromptChangedAfterItsCheckIsNotWhatRuns() {
        HeldOps held = new HeldOps("embed", 1);
        try (TestEngine test = TestEngine.settings().hook(held).open(folder);
                held) {
            int[] prompt = test.prompt(5, 20);
            RecordedGeneration unchanged = test.submit(greedy(prompt.clone(), 4));
            held.awaitHeld();
            RecordedGeneration changed = test.submit(greedy(prompt, 4));
            prompt[3] = 1_000_000;
            held.release();

            unchanged.awaitFinish(FinishReason.LENGTH);
            changed.awaitFinish(FinishReason.LENGTH);

            assertThat(changed.tokens()).isEqualTo(unchanged.tokens());
        }
    }

    @Test
    void namesALayerThatTheModelLacks() {
        PruneSchedule schedule = PruneSchedule.of(new PruneStep(6, new Budget.Share(0.5)));
        try (TestEngine test = TestEngine.settings().open(folder)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> test.submit(
                            new GenerationRequest(test.prompt(1, 20), Sampling.GREEDY, 4, Set.of(), schedule)))
                    .withMessageContaining("6:0.5")
                    .withMessageContaining("there is no layer 6; this model has layers 0..5");
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TestEngine.settings()
                        .pruning(PruneSettings.of(schedule, 0))
                        .open(folder)
                        .close())
                .withMessageContaining("there is no layer 6; this model has layers 0..5");
    }

    @ParameterizedTest
    @ValueSource(ints = {4096, 5000})
    void refusesToOpenWhereAPromptLeavesNoRoomForAnAnswer(int limit) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TestEngine.settings()
                        .maxPromptTokens(limit)
                        .open(folder)
                        .close())
                .withMessageStartingWith("slim-infer.max-prompt-tokens=" + limit + " does not leave room")
                .withMessageContaining("the model has 4096 positions");
    }

    @Test
    void refusesToOpenWithTooLittleMemoryForASingleBlock() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TestEngine.settings()
                        .kvMemoryBytes(11 * SLOT_BYTES)
                        .open(folder)
                        .close())
                .withMessageStartingWith("slim-infer.kv-cache.memory=" + 11 * SLOT_BYTES + " bytes hold 11 slots")
                .withMessageContaining("Use " + 12 * SLOT_BYTES + " bytes or more");
    }
}
