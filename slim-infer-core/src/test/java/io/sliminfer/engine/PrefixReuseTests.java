package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sliminfer.backend.TestBackends;
import io.sliminfer.engine.ModelPass.Pools;
import io.sliminfer.engine.ModelPass.Result;
import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A prompt that begins like an earlier one gives what it gives alone. */
@Tag("once") // books and arithmetic, which a JDK does not change
class PrefixReuseTests {

    private static final int SLOT_BLOCK = 16;
    private static final int WINDOW = 20;
    private static final int TOKENS_MAX = 400;
    private static final int ANSWER = 6;
    private static final Pools WITH = new Pools(0, 0, null, 0, 40);

    @TempDir
    static Path folder;

    @BeforeAll
    static void writeModel() {
        TestBackends.fit(SmallModels.qwen3()).write(folder);
    }

    private static PruneSchedule schedule(String steps, int block) {
        return new PruneSchedule(block, 4, WINDOW, 10, PruneSchedule.parseSteps(steps));
    }

    private static ModelPass open(String backend, int tile, Pools pools) {
        return ModelPass.open(folder, backend, TOKENS_MAX, tile, SLOT_BLOCK, 2, pools);
    }

    /** The first {@code common} tokens of a prompt, and others behind. */
    private static int[] like(int[] prompt, int common, int tokens) {
        int[] other = SmallModels.prompt(77, tokens, 50);
        System.arraycopy(prompt, 0, other, 0, common);
        if (common < Math.min(tokens, prompt.length)) {
            other[common] = (prompt[common] + 1) % 50;
        }
        return other;
    }

    private static void assertSame(Result cached, Result alone, String what) {
        assertThat(cached.keptBlocks()).as(what).isEqualTo(alone.keptBlocks());
        assertThat(cached.greedy()).as(what).isEqualTo(alone.greedy());
        for (int i = 0; i < alone.logits().length; i++) {
            assertThat(cached.logits()[i]).as("%s: logit %d", what, i).isCloseTo(alone.logits()[i], within(1e-5f));
        }
    }

    static Stream<Arguments> backendsAndSchedules() {
        return TestBackends.names("java", "cpu").stream()
                .flatMap(backend -> Stream.of(
                        Arguments.of(backend, "", 16, 16),
                        Arguments.of(backend, "0:0.5", 16, 16),
                        Arguments.of(backend, "1:0.6,3:0.4", 16, 24),
                        Arguments.of(backend, "2:0.5", 8, 1000),
                        Arguments.of(backend, "2:0.3", 12, 1000),
                        Arguments.of(backend, "3:0.4/0.2", 32, 7),
                        Arguments.of(backend, "4:0.5", 16, 64),
                        Arguments.of(backend, "1:1.0,2:0.5", 24, 50),
                        Arguments.of(backend, "1:1.0/32,3:0.5", 16, 50),
                        Arguments.of(backend, "1:p0.6:0.1-1.0,3:p0.5:0.1-0.6", 16, 24),
                        Arguments.of(backend, "2:p0.4:64-0.9/48", 16, 32)));
    }

    @ParameterizedTest
    @MethodSource("backendsAndSchedules")
    void aSecondTurnIsAnsweredAsIfTheFirstHadNotBeen(String backend, String steps, int block, int tile) {
        GoldenRun.assumeUsable(backend);
        PruneSchedule schedule = schedule(steps, block);
        int unseen = steps.isEmpty() ? 1 : WINDOW;
        int[] first = SmallModels.prompt(5, 203, 50);
        // Inside a block, at its end, nearly nothing, the first prompt and more, shorter than the first, the first
        // itself.
        int[][] seconds = {
            like(first, 150, 300),
            like(first, 160, 190),
            like(first, 15, 100),
            like(first, 203, 333),
            Arrays.copyOf(first, 180),
            first,
            Arrays.copyOf(first, 16)
        };
        int[] common = {150, 160, 15, 203, 180, 203, 16};
        try (ModelPass alone = open(backend, tile, Pools.ROOMY)) {
            for (int i = 0; i < seconds.length; i++) {
                try (ModelPass pass = open(backend, tile, WITH)) {
                    assertThat(pass.run(first, schedule, ANSWER).cached()).isZero();

                    Result second = pass.run(seconds[i], schedule, ANSWER);

                    int reusable =
                            Math.min(common[i] / SLOT_BLOCK, Math.max(0, seconds[i].length - unseen) / SLOT_BLOCK);
                    assertThat(second.cached()).isEqualTo(reusable * SLOT_BLOCK);
                    assertSame(second, alone.run(seconds[i], schedule, ANSWER), "second prompt " + i);
                    assertThat(pass.kv().deviceSlotsUsed())
                            .as("slots in use afterwards")
                            .isEqualTo(pass.kv().prefixCounts().slots());
                }
            }
        }
    }

    @Test
    void aConversationReusesMoreAndMore() {
        PruneSchedule schedule = schedule("1:0.6,3:0.4", 16);
        int[] whole = SmallModels.prompt(8, 390, 50);
        try (ModelPass alone = open(TestBackends.single("cpu"), 32, Pools.ROOMY);
                ModelPass pass = open(TestBackends.single("cpu"), 32, WITH)) {
            int before = 0;
            for (int tokens = 70; tokens <= 390; tokens += 40) {
                int[] prompt = Arrays.copyOf(whole, tokens);
                Result turn = pass.run(prompt, schedule, ANSWER);
                assertThat(turn.cached()).isEqualTo(Math.min(before / 16, (tokens - WINDOW) / 16) * 16);
                assertSame(turn, alone.run(prompt, schedule, ANSWER), tokens + " tokens");
                before = tokens;
            }
            assertThat(pass.kv().prefixCounts().hits()).isEqualTo(8);
        }
    }

    @Test
    void schedulesThatPruneElsewhereShareNothing() {
        int[] prompt = SmallModels.prompt(5, 203, 50);
        try (ModelPass pass = open(TestBackends.single("java"), 32, WITH)) {
            pass.run(prompt, schedule("1:0.5", 16), ANSWER);

            assertThat(pass.run(prompt, schedule("2:0.5", 16), ANSWER).cached()).isZero();
            assertThat(pass.run(prompt, schedule("", 16), ANSWER).cached()).isZero();
            // The rows of the layer that came last are there.
            assertThat(pass.run(prompt, schedule("1:0.5", 16), ANSWER).cached()).isZero();
            assertThat(pass.run(prompt, schedule("1:0.3,4:0.2", 8), ANSWER).cached())
                    .as("the same first pruning layer, other budgets, blocks and later layers")
                    .isEqualTo(176);
            assertThat(pass.run(prompt, schedule("", 16), ANSWER).cached()).isEqualTo(192);
        }
    }

    @Test
    void aDenseAndAPrunedPromptShareBlocksAndStayRight() {
        int[] prompt = SmallModels.prompt(5, 203, 50);
        try (ModelPass alone = open(TestBackends.single("java"), 32, Pools.ROOMY);
                ModelPass pass = open(TestBackends.single("java"), 32, WITH)) {
            for (String steps : List.of("1:0.5", "", "1:0.5", "", "4:0.3", "1:0.4", "")) {
                PruneSchedule schedule = schedule(steps, 16);
                assertSame(
                        pass.run(prompt, schedule, ANSWER), alone.run(prompt, schedule, ANSWER), "schedule " + steps);
            }
        }
    }

    @Test
    void whatWasUsedLongestAgoMakesRoom() {
        PruneSchedule schedule = schedule("2:0.5", 16);
        // 12 blocks of a prompt in 5 layers, and its answer: two such prompts fit, hidden rows of one and a half.
        Pools pools = new Pools(2 * 5 * 13, 0, null, 0, 18);
        try (ModelPass alone = open(TestBackends.single("java"), 64, Pools.ROOMY);
                ModelPass pass = open(TestBackends.single("java"), 64, pools)) {
            for (int i = 0; i < 12; i++) {
                int[] prompt = SmallModels.prompt(20 + i % 3, 192, 50);
                Result turn = pass.run(prompt, schedule, ANSWER);
                assertSame(turn, alone.run(prompt, schedule, ANSWER), "turn " + i);
                assertThat(pass.run(prompt, schedule, ANSWER).cached())
                        .as("the prompt that was just there")
                        .isEqualTo(160);
                assertThat(pass.kv().deviceSlotsUsed())
                        .isEqualTo(pass.kv().prefixCounts().slots());
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "dense",
            value = {"dense", "1:0.6,3:0.4", "1:0.6/0.3,3:0.4/64", "1:p0.6:0.1-1.0/0.3,3:p0.5:0.1-0.6"})
    void blocksComeBackFromTheHost(String steps) {
        PruneSchedule schedule = schedule(steps == null ? "" : steps, 16);
        int[] first = SmallModels.prompt(5, 203, 50);
        int[] second = like(first, 203, 300);
        int[] other = SmallModels.prompt(6, 250, 50);
        // The smallest pool in which a prompt's blocks move, and one that holds a prompt whole.
        for (int deviceSlots : new int[] {20 + 5, 20 * 5}) {
            try (ModelPass alone = open(TestBackends.moving(), 32, Pools.ROOMY);
                    ModelPass pass = open(TestBackends.moving(), 32, new Pools(deviceSlots, 300, null, 2, 40))) {
                pass.run(first, schedule, ANSWER);
                assertSame(pass.run(other, schedule, ANSWER), alone.run(other, schedule, ANSWER), "other");

                Result turn = pass.run(second, schedule, ANSWER);

                assertThat(turn.cached()).as("%d slots", deviceSlots).isEqualTo(192);
                assertSame(turn, alone.run(second, schedule, ANSWER), "second");
                pass.kv().drain();
                assertThat(pass.kv().deviceSlotsUsed())
                        .isEqualTo(pass.kv().prefixCounts().slots());
            }
        }
    }
}
