package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.backend.TestBackends;
import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The prefix cache as an engine's users see it. */
@Timeout(120)
class PrefixCacheEngineTests {

    private static final int BLOCK = 16;
    private static final long SLOT_BYTES = BLOCK * 2 * 2 * 16 * 4;
    private static final long HIDDEN_BYTES = BLOCK * 32 * 4;

    @TempDir
    static Path folder;

    @BeforeAll
    static void writeModel() {
        SmallModels.llama().write(folder);
    }

    private static PruneSchedule schedule(String steps) {
        return new PruneSchedule(BLOCK, 4, BLOCK, BLOCK, PruneSchedule.parseSteps(steps));
    }

    private static TestEngine.Settings settings(String steps) {
        return TestEngine.settings().pruning(PruneSettings.of(schedule(steps), 0));
    }

    private static KvSettings slots(long count) {
        return KvSettings.ofMemory(count * SLOT_BYTES);
    }

    private static List<Integer> alone(String steps, int[] prompt, int tokens) {
        KvSettings off = KvSettings.defaults().withPrefixes(PrefixSettings.off());
        try (TestEngine test = settings(steps).kv(off).open(folder)) {
            RecordedGeneration generation = test.submit(greedy(prompt, tokens));
            assertThat(generation.awaitFinish(FinishReason.LENGTH).cachedTokens())
                    .isZero();
            assertThat(test.engine.snapshot().prefixes().slots()).isZero();
            return generation.tokens();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "2:0.5"})
    void reportsWhatWasTakenFromAnEarlierPrompt(String steps) {
        try (TestEngine test = settings(steps).open(folder)) {
            int[] first = test.prompt(1, 100);
            int[] second = Arrays.copyOf(first, 150);
            GenerationReport before = test.submit(greedy(first, 5)).awaitFinish(FinishReason.LENGTH);

            RecordedGeneration turn = test.submit(greedy(second, 5));

            assertThat(before.cachedTokens()).isZero();
            assertThat(turn.awaitFinish(FinishReason.LENGTH).cachedTokens()).isEqualTo(96);
            assertThat(turn.tokens()).isEqualTo(alone(steps, second, 5));
            assertThat(test.slotsUsedWhenIdle()).as("slots of requests").isZero();
            EngineSnapshot snapshot = test.engine.snapshot();
            assertThat(snapshot.prefixes().hits()).isEqualTo(1);
            assertThat(snapshot.prefixes().requests()).isEqualTo(2);
            assertThat(snapshot.prefixes().tokens()).isEqualTo(96);
            // The second prompt has 9 full blocks; a dense one keeps them in 6 layers, the other in layers 0 to 2.
            assertThat(snapshot.prefixes().slots()).isEqualTo(9 * (steps.isEmpty() ? 6 : 3));
        }
    }

    @Test
    void requestsThatRunTogetherShareAPrefix() {
        // 10 blocks of a common prefix in 6 layers, and for each of the four 2 blocks more: alone they would need 4 *
        // 72.
        try (TestEngine test = settings("").kv(slots(10 * 6 + 4 * 2 * 6)).open(folder)) {
            int[] prefix = test.prompt(1, 160);
            test.submit(greedy(prefix, 2)).awaitFinish(FinishReason.LENGTH);
            List<int[]> prompts = new ArrayList<>();
            List<RecordedGeneration> turns = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int[] prompt = test.prompt(50 + i, 180);
                System.arraycopy(prefix, 0, prompt, 0, 160);
                prompts.add(prompt);
                turns.add(test.submit(greedy(prompt, 12)));
            }
            for (int i = 0; i < 4; i++) {
                assertThat(turns.get(i).awaitFinish(FinishReason.LENGTH).cachedTokens())
                        .isEqualTo(160);
                assertThat(turns.get(i).tokens()).isEqualTo(alone("", prompts.get(i), 12));
            }
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "3:0.5"})
    void aRequestMayComputeItsWholePrompt(String steps) {
        try (TestEngine test = settings(steps).open(folder)) {
            int[] prompt = test.prompt(1, 160);
            GenerationRequest reusing = greedy(prompt, 6);
            GenerationRequest whole =
                    new GenerationRequest(prompt, reusing.sampling(), 6, reusing.stopIds(), reusing.schedule(), false);
            List<Integer> cached = new ArrayList<>();
            for (GenerationRequest request : List.of(reusing, whole, whole, reusing)) {
                RecordedGeneration turn = test.submit(request);
                cached.add(turn.awaitFinish(FinishReason.LENGTH).cachedTokens());
                assertThat(turn.tokens()).isEqualTo(alone(steps, prompt, 6));
            }
            assertThat(cached).containsExactly(0, 0, 0, 144);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void anEntryIsDroppedWhenARequestNeedsItsSlots() {
        // One prompt of 160 tokens and its answer at a time: 11 blocks in 6 layers.
        try (TestEngine test = settings("").kv(slots(11 * 6)).open(folder)) {
            int[] one = test.prompt(1, 160);
            int[] other = test.prompt(2, 160);
            List<Integer> cached = new ArrayList<>();
            for (int[] prompt : List.of(one, one, other, other, one)) {
                RecordedGeneration turn = test.submit(greedy(prompt, 10));
                cached.add(turn.awaitFinish(FinishReason.LENGTH).cachedTokens());
                assertThat(turn.tokens()).isEqualTo(alone("", prompt, 10));
            }
            // The last block is not taken: its last token must run. What the other request could do without is still
            // there.
            assertThat(cached.subList(0, 4)).containsExactly(0, 144, 0, 144);
            assertThat(cached.get(4)).isLessThan(144);
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void aCancelledPrefillLeavesTheEntriesOfOthers() {
        // The first prompt passes 4 layers in 7 tiles each and 2 in 3; of the second's, the 12th tile is in layer 2,
        // before it is
        // pruned.
        HeldOps held = new HeldOps("attend", 46);
        try (TestEngine test = settings("3:0.5").prefillTile(16).hook(held).open(folder);
                held) {
            int[] first = test.prompt(1, 112);
            int[] second = Arrays.copyOf(first, 200);
            test.submit(greedy(first, 1)).awaitFinish(FinishReason.LENGTH);
            RecordedGeneration cancelled = new RecordedGeneration();
            Generation generation = test.engine.submit(greedy(second, 4), cancelled);
            held.awaitHeld();
            generation.cancel();
            held.release();
            assertThat(cancelled.awaitFinish(FinishReason.CANCELLED).cachedTokens())
                    .isEqualTo(112);

            RecordedGeneration again = test.submit(greedy(second, 4));

            assertThat(again.awaitFinish(FinishReason.LENGTH).cachedTokens()).isEqualTo(112);
            assertThat(again.tokens()).isEqualTo(alone("3:0.5", second, 4));
            assertThat(test.slotsUsedWhenIdle()).isZero();
        }
    }

    @Test
    void withoutMemoryForHiddenRowsDensePromptsAreServed() {
        KvSettings kv = KvSettings.defaults().withPrefixes(new PrefixSettings(PrefixSettings.Reuse.EXACT, 0));
        for (String steps : List.of("", "2:0.5")) {
            try (TestEngine test = settings(steps).kv(kv).open(folder)) {
                int[] prompt = test.prompt(1, 100);
                test.submit(greedy(prompt, 2)).awaitFinish(FinishReason.LENGTH);
                assertThat(test.submit(greedy(prompt, 2))
                                .awaitFinish(FinishReason.LENGTH)
                                .cachedTokens())
                        .isEqualTo(steps.isEmpty() ? 96 : 0);
            }
        }
    }

    @Test
    void memoryForHiddenRowsLimitsWhatAPrunedPromptLeaves() {
        KvSettings kv =
                KvSettings.defaults().withPrefixes(new PrefixSettings(PrefixSettings.Reuse.EXACT, 3 * HIDDEN_BYTES));
        try (TestEngine test = settings("2:0.5").kv(kv).open(folder)) {
            int[] prompt = test.prompt(1, 100);
            test.submit(greedy(prompt, 2)).awaitFinish(FinishReason.LENGTH);
            assertThat(test.submit(greedy(prompt, 2))
                            .awaitFinish(FinishReason.LENGTH)
                            .cachedTokens())
                    .isEqualTo(3 * BLOCK);
        }
    }

    @Test
    void aTurnAfterAPrunedOneMovesWithItsPrefix() {
        // 20 blocks in 6 layers do not fit 40 slots, so that every request's blocks move; the host holds two of them.
        KvSettings kv = new KvSettings(40 * SLOT_BYTES, null, 300 * SLOT_BYTES, null, 0, 2, 1)
                .withPrefixes(new PrefixSettings(PrefixSettings.Reuse.EXACT, 25 * HIDDEN_BYTES));
        for (String steps : List.of("", "1:0.5,3:0.4")) {
            try (TestEngine test =
                    settings(steps).backend(TestBackends.moving()).kv(kv).open(folder)) {
                int[] first = test.prompt(1, 320);
                int[] second = Arrays.copyOf(first, 350);
                RecordedGeneration before = test.submit(greedy(first, 8));
                before.awaitFinish(FinishReason.LENGTH);
                RecordedGeneration turn = test.submit(greedy(second, 8));

                assertThat(turn.awaitFinish(FinishReason.LENGTH).cachedTokens()).isEqualTo(320);
                assertThat(turn.tokens()).isEqualTo(alone(steps, second, 8));
                assertThat(test.slotsUsedWhenIdle()).isZero();
            }
        }
    }

    @Test
    void aReuseThatIsNotOfferedIsRefused() {
        assertThat(PrefixSettings.Reuse.parse(" Exact ")).isEqualTo(PrefixSettings.Reuse.EXACT);
        assertThat(PrefixSettings.Reuse.parse("off")).isEqualTo(PrefixSettings.Reuse.OFF);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PrefixSettings.Reuse.parse("fast"))
                .withMessageStartingWith("slim-infer.prefix-cache.reuse=fast is not known: use exact")
                .withMessageContaining("would change answers");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new PrefixSettings(PrefixSettings.Reuse.EXACT, -2))
                .withMessageContaining("slim-infer.prefix-cache.memory=-2");
    }
}
