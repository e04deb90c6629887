package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.TestBackends;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.golden.GoldenCases;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Decode with budgets against {@link PlainGeneration}: the same active blocks at every step, logits closely. */
@Tag("once") // arithmetic, which a JDK does not change
class DecodeBudgetTests {

    private static final double TOLERANCE = 1e-4;

    /** Decisions closer than this could fall differently in float32. */
    private static final double MARGIN_MIN = 1e-5;

    /** Slots smaller than the blocks of most schedules. */
    private static final int SLOT_BLOCK = 8;

    /** Enough to pass the edge of a block of 16 from any length. */
    private static final int[] TOKENS = {17, 230, 5, 99, 301, 42, 8, 360, 77, 150, 211, 63, 12, 333, 128, 19, 254, 90};

    private static final PruneSchedule TWO_BUDGETS = schedule(16, 4, 16, 16, "2:0.6/112,4:0.4/80");
    private static final PruneSchedule SINGLE_TOKEN_UNITS = schedule(8, 1, 20, 5, "1:0.6/0.4");
    private static final PruneSchedule BETWEEN_STAGES = schedule(32, 8, 10, 0, "0:0.7/128,1:0.5,3:0.5/96");
    private static final PruneSchedule DECODE_ONLY = schedule(16, 5, 30, 16, "2:1.0/100,5:200/64");

    static List<String> backends() {
        return TestBackends.names("java", "cpu");
    }

    static Stream<Arguments> cases() {
        List<Arguments> cases = new ArrayList<>();
        for (String backend : backends()) {
            cases.add(Arguments.of(backend, "llama-tied", TWO_BUDGETS, 320, 1.0));
            cases.add(Arguments.of(backend, "llama-tied", TWO_BUDGETS, 333, 0.8));
            cases.add(Arguments.of(backend, "llama-tied", SINGLE_TOKEN_UNITS, 203, 1.0));
            cases.add(Arguments.of(backend, "qwen3", BETWEEN_STAGES, 300, 1.0));
            cases.add(Arguments.of(backend, "qwen2", DECODE_ONLY, 256, 0.9));
            cases.add(Arguments.of(backend, "qwen2", DECODE_ONLY, 257, 0.0));
        }
        return cases.stream();
    }

    @ParameterizedTest(name = "{1} on {0}: {2}, {3} tokens, threshold {4}")
    @MethodSource("cases")
    void attendsToTheBlocksOfTheReference(
            String backend, String model, PruneSchedule schedule, int promptTokens, double threshold) {
        GoldenRun.assumeUsable(backend);
        GoldenCases.Model golden = GoldenCases.model(model);
        int[] prompt = Arrays.copyOf(golden.prompt(), promptTokens);
        try (ModelPass pass = ModelPass.open(golden.folder(), backend, promptTokens, 256, SLOT_BLOCK, 1)) {
            List<ModelPass.Step> steps = pass.follow(List.of(prompt), List.of(schedule), TOKENS, threshold)
                    .get(0);
            Set<List<List<Integer>>> sets = assertFollowsTheReference(golden, prompt, schedule, threshold, steps);
            if (threshold == 0) {
                assertThat(sets).as("sets in all").hasSize(1);
            } else {
                assertThat(sets).as("sets in all").hasSizeGreaterThan(1);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void sequencesWithDifferentSchedulesShareABatch(String backend) {
        GoldenRun.assumeUsable(backend);
        GoldenCases.Model golden = GoldenCases.model("llama-tied");
        List<PruneSchedule> schedules = List.of(
                TWO_BUDGETS,
                PruneSchedule.dense(),
                schedule(16, 4, 16, 16, "2:0.5"),
                schedule(8, 2, 8, 8, "2:0.5/0.25"),
                BETWEEN_STAGES);
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < schedules.size(); i++) {
            // Neither the same lengths nor the same tokens.
            prompts.add(Arrays.copyOfRange(golden.prompt(), 30 * i, 30 * i + 190 + 13 * i));
        }
        try (ModelPass pass = ModelPass.open(golden.folder(), backend, 256, 128, SLOT_BLOCK, schedules.size())) {
            List<List<ModelPass.Step>> steps = pass.follow(prompts, schedules, TOKENS, 0.9);
            for (int i = 0; i < schedules.size(); i++) {
                assertFollowsTheReference(golden, prompts.get(i), schedules.get(i), 0.9, steps.get(i));
            }
        }
    }

    /** Gives the different sets that were active. */
    private static Set<List<List<Integer>>> assertFollowsTheReference(
            GoldenCases.Model golden,
            int[] prompt,
            PruneSchedule schedule,
            double threshold,
            List<ModelPass.Step> steps) {
        Set<List<List<Integer>>> sets = new HashSet<>();
        try (ModelFolder folder = ModelFolder.open(golden.folder())) {
            PlainGeneration expected = new PlainGeneration(new PlainModel(folder), prompt, schedule, threshold);
            for (int i = 0; i < TOKENS.length; i++) {
                float[] logits = expected.step(TOKENS[i]);
                List<List<Integer>> active = new ArrayList<>();
                for (PruneStep step : schedule.steps()) {
                    active.add(expected.active(step.layer()));
                }
                assertThat(expected.margin).as("margin of the case").isGreaterThan(MARGIN_MIN);
                assertThat(steps.get(i).active())
                        .as("%s, step %d: active blocks (margin %s)", schedule, i, expected.margin)
                        .isEqualTo(active);
                assertThat(GoldenRun.relativeError(steps.get(i).logits(), logits))
                        .as("%s, step %d: logits", schedule, i)
                        .isLessThan(TOLERANCE);
                sets.add(active);
            }
        }
        return sets;
    }

    @ParameterizedTest
    @MethodSource("backends")
    void aDecodeBudgetOfAllLiveTokensChangesNothing(String backend) {
        GoldenRun.assumeUsable(backend);
        GoldenCases.Model golden = GoldenCases.model("qwen3");
        List<int[]> prompt = List.of(Arrays.copyOf(golden.prompt(), 250));
        try (ModelPass pass = ModelPass.open(golden.folder(), backend, 256, 256, SLOT_BLOCK, 1)) {
            List<ModelPass.Step> without = pass.follow(
                            prompt, List.of(schedule(16, 4, 16, 16, "2:0.5,4:0.3")), TOKENS, 0.9)
                    .get(0);
            List<ModelPass.Step> with = pass.follow(
                            prompt, List.of(schedule(16, 4, 16, 16, "2:0.5/1.0,4:0.3/75")), TOKENS, 0.9)
                    .get(0);
            for (int i = 0; i < TOKENS.length; i++) {
                assertThat(with.get(i).logits())
                        .as("step %d", i)
                        .containsExactly(without.get(i).logits());
                assertThat(with.get(i).active()).isEqualTo(without.get(i).active());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void protectedBlocksAreActiveEvenAboveTheBudget(String backend) {
        GoldenRun.assumeUsable(backend);
        GoldenCases.Model golden = GoldenCases.model("llama-tied");
        int[] prompt = Arrays.copyOf(golden.prompt(), 250);
        // Sink in block 0, window 210..249 in blocks 13, 14 and the short block 15.
        PruneSchedule schedule = schedule(16, 4, 40, 10, "2:0.5/1");
        try (ModelPass pass = ModelPass.open(golden.folder(), backend, 256, 256, 16, 1)) {
            List<ModelPass.Step> steps =
                    pass.follow(List.of(prompt), List.of(schedule), TOKENS, 1).get(0);
            assertThat(steps).extracting(ModelPass.Step::active).containsOnly(List.of(List.of(0, 13, 14, 15)));
            assertFollowsTheReference(golden, prompt, schedule, 1, steps);
        }
    }

    private static PruneSchedule schedule(int block, int unit, int window, int sink, String steps) {
        return new PruneSchedule(block, unit, window, sink, PruneSchedule.parseSteps(steps));
    }
}
