package io.sliminfer.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.sliminfer.golden.GoldenCases;
import io.sliminfer.golden.Kept;
import io.sliminfer.golden.TinyModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PrunePlanTests {

    static Stream<Arguments> goldenRuns() {
        return GoldenCases.models().stream()
                .flatMap(model -> model.pruned().stream().map(run -> Arguments.of(model, run)));
    }

    @ParameterizedTest
    @MethodSource("goldenRuns")
    void keepsAsManyBlocksAsTheReference(GoldenCases.Model model, GoldenCases.Pruned run) {
        assertCountsAreThoseOf(run.schedule(), model.prompt().length, run.kept());
    }

    @Test
    void keepsAsManyBlocksOfLongPromptsAsTheReference() {
        Assumptions.assumeTrue(TinyModel.isThere(), "the tiny model is not in this checkout");
        for (TinyModel.Case question : TinyModel.cases()) {
            for (TinyModel.Pruned run : question.pruned()) {
                int promptTokens = question.prompt().length;
                assertThat(run.schedule().steps().stream()
                                .mapToInt(step -> step.budget().tokens(promptTokens))
                                .toArray())
                        .containsExactly(run.budgets());
                assertCountsAreThoseOf(run.schedule(), promptTokens, run.kept());
            }
        }
    }

    private static void assertCountsAreThoseOf(PruneSchedule schedule, int promptTokens, List<Kept> kept) {
        int layers = schedule.steps().get(schedule.steps().size() - 1).layer() + 2;
        List<PruneShape> decisions = PrunePlan.of(schedule, promptTokens, layers).stages().stream()
                .map(PrunePlan.Stage::decision)
                .filter(decision -> decision != null)
                .toList();
        assertThat(decisions).hasSameSizeAs(kept);
        for (int i = 0; i < kept.size(); i++) {
            int block = schedule.block();
            int[] blocks = kept.get(i).blocks();
            int tokens = Arrays.stream(blocks)
                    .map(id -> Math.min(block, promptTokens - id * block))
                    .sum();
            assertThat(decisions.get(i).keptBlocks()).isEqualTo(blocks.length);
            assertThat(decisions.get(i).keptTokens()).isEqualTo(tokens);
        }
    }

    @Test
    void followsTheAlgorithmForEveryMixOfSizes() {
        long seed = 7;
        Random random = new Random(seed);
        for (int round = 0; round < 3000; round++) {
            int block = 1 + random.nextInt(20);
            int promptTokens = 1 + random.nextInt(300);
            List<PruneStep> steps = new ArrayList<>();
            for (int layer = random.nextInt(3); layer < 8; layer += 1 + random.nextInt(4)) {
                steps.add(new PruneStep(layer, new Budget.Tokens(1 + random.nextInt(320))));
            }
            PruneSchedule schedule = new PruneSchedule(
                    block, 1 + random.nextInt(block), 1 + random.nextInt(60), random.nextInt(60), steps);
            PrunePlan plan = PrunePlan.of(schedule, promptTokens, 8);
            assertThat(plan.stages())
                    .as("seed %d, round %d: %s, %d tokens", seed, round, schedule, promptTokens)
                    .extracting(PrunePlan.Stage::liveTokens)
                    .isEqualTo(liveTokensByTheRules(schedule, promptTokens, random));
            assertThat(plan.stages().get(plan.stages().size() - 1).lastLayer()).isEqualTo(7);
        }
    }

    /** ALGORITHM, Prefill 2, word by word with random scores. */
    private static List<Integer> liveTokensByTheRules(PruneSchedule schedule, int promptTokens, Random random) {
        int block = schedule.block();
        List<Integer> live = new ArrayList<>(
                IntStream.range(0, (promptTokens + block - 1) / block).boxed().toList());
        List<Integer> liveTokens = new ArrayList<>(List.of(promptTokens));
        for (PruneStep step : schedule.steps()) {
            List<Integer> kept = new ArrayList<>();
            List<Integer> candidates = new ArrayList<>();
            int tokens = 0;
            for (int id : live) {
                int first = id * block;
                int end = Math.min(promptTokens, first + block);
                boolean isProtected = first < schedule.sink() || end > promptTokens - schedule.window();
                (isProtected ? kept : candidates).add(id);
                tokens += isProtected ? end - first : 0;
            }
            Collections.shuffle(candidates, random);
            for (int id : candidates) {
                int size = Math.min(promptTokens, (id + 1) * block) - id * block;
                if (tokens + size > step.budget().tokens(promptTokens)) {
                    break;
                }
                kept.add(id);
                tokens += size;
            }
            live = kept;
            if (step.layer() < 7) {
                liveTokens.add(tokens);
            }
        }
        return liveTokens;
    }

    @Test
    void describesStagesAndShapes() {
        PrunePlan plan = PrunePlan.of(schedule(64, 16, 48, 1, "2:300,4:200"), 700, 8);

        // Blocks 0..10, the last of 60 tokens; the window's first token is 652, in block 10.
        assertThat(plan.stages())
                .containsExactly(
                        new PrunePlan.Stage(0, 2, 700, 11, new PruneShape(64, 16, 48, 700, 11, 1, 1, 4, 252), null),
                        new PrunePlan.Stage(3, 4, 252, 4, new PruneShape(64, 16, 48, 252, 4, 1, 1, 3, 188), null),
                        new PrunePlan.Stage(5, 7, 188, 3, null, null));
        assertThat(plan.prunes()).isTrue();
        assertThat(plan.stageOf(2).lastLayer()).isEqualTo(2);
        assertThat(plan.stageOf(3).firstLayer()).isEqualTo(3);
        assertThat(plan.stageOf(7).firstLayer()).isEqualTo(5);

        PruneShape first = plan.stages().get(0).decision();
        assertThat(first.candidates()).isEqualTo(9);
        assertThat(first.keptCandidates()).isEqualTo(2);
        assertThat(first.keepsAll()).isFalse();
        assertThat(first.tokensOf(9)).isEqualTo(64);
        assertThat(first.tokensOf(10)).isEqualTo(60);
    }

    @Test
    void decodeBudgetsShapeTheStageAfterTheirLayer() {
        PrunePlan plan = PrunePlan.of(schedule(64, 16, 48, 1, "2:300/200,4:260/0.3"), 700, 8);

        assertThat(plan.stages())
                .containsExactly(
                        new PrunePlan.Stage(0, 2, 700, 11, new PruneShape(64, 16, 48, 700, 11, 1, 1, 4, 252), null),
                        // Protected are 64 + 60 tokens; 200 have room for one block more.
                        new PrunePlan.Stage(
                                3,
                                4,
                                252,
                                4,
                                new PruneShape(64, 16, 48, 252, 4, 1, 1, 4, 252),
                                new PruneShape(64, 16, 1, 252, 4, 1, 1, 3, 188)),
                        // 0.3 of 700 tokens are 210.
                        new PrunePlan.Stage(5, 7, 252, 4, null, new PruneShape(64, 16, 1, 252, 4, 1, 1, 3, 188)));
        assertThat(plan.stages()).extracting(PrunePlan.Stage::activeTokens).containsExactly(700, 188, 188);
    }

    @Test
    void aDecodeBudgetOfAllLiveTokensIsNone() {
        assertThat(decodeOf("2:300/252", 700)).isNull();
        assertThat(decodeOf("2:300/1.0", 700)).isNull();
        assertThat(decodeOf("2:300/251", 700)).isEqualTo(new PruneShape(64, 16, 1, 252, 4, 1, 1, 3, 188));
        // Nothing but protected blocks: no choice is left.
        assertThat(decodeOf("2:1/1", 700)).isNull();
    }

    @Test
    void protectedBlocksAreActiveEvenAboveTheDecodeBudget() {
        assertThat(decodeOf("2:300/1", 700)).isEqualTo(new PruneShape(64, 16, 1, 252, 4, 1, 1, 2, 124));
    }

    private static PruneShape decodeOf(String steps, int promptTokens) {
        return PrunePlan.of(schedule(64, 16, 48, 1, steps), promptTokens, 8)
                .stages()
                .get(1)
                .decode();
    }

    @Test
    void keepsProtectedBlocksEvenAboveTheBudget() {
        PrunePlan plan = PrunePlan.of(schedule(64, 8, 64, 64, "1:1"), 1000, 4);
        // Block 0, and blocks 14 and 15 with the window's tokens 936..999.
        assertThat(plan.stages().get(1).liveTokens()).isEqualTo(64 + 64 + 40);
    }

    @Test
    void aFullBudgetPrunesNothing() {
        PrunePlan plan = PrunePlan.of(schedule(64, 8, 64, 64, "1:1.0,2:5000"), 1000, 4);
        assertThat(plan.prunes()).isFalse();
        assertThat(plan.stages()).extracting(PrunePlan.Stage::liveTokens).containsOnly(1000);
        assertThat(plan.stages().get(0).decision().keepsAll()).isTrue();
    }

    @Test
    void aMassIsPlannedWithItsCeiling() {
        PrunePlan plan = PrunePlan.of(schedule(64, 16, 48, 1, "2:p0.9:200-500/200,4:400"), 700, 8);

        // Protected are 64 + 60 tokens: 200 have room for one candidate, 500 for five, 400 for four.
        assertThat(plan.stages())
                .containsExactly(
                        new PrunePlan.Stage(
                                0,
                                2,
                                700,
                                11,
                                new PruneShape(64, 16, 48, 700, 11, 1, 1, 7, 444),
                                new MassCount(0.9, 1, 5),
                                null),
                        new PrunePlan.Stage(
                                3,
                                4,
                                444,
                                7,
                                new PruneShape(64, 16, 48, 444, 7, 1, 1, 6, 380),
                                new PruneShape(64, 16, 1, 444, 7, 1, 1, 3, 188)),
                        new PrunePlan.Stage(5, 7, 380, 6, null, null));
        assertThat(plan.stages().get(0).mayDrop()).isTrue();
        assertThat(plan.wholeLayers()).isEqualTo(3);
    }

    @Test
    void laterStagesFollowADecision() {
        PrunePlan plan = PrunePlan.of(schedule(64, 16, 48, 1, "2:p0.9:200-500/200,4:400"), 700, 8);

        assertThat(plan.decided(2, 5).stages())
                .extracting(PrunePlan.Stage::liveTokens)
                .containsExactly(700, 444, 380);
        // Two candidates are less than the budget at layer 4 has room for, and one more than the decode budget has.
        assertThat(plan.decided(2, 2))
                .isEqualTo(new PrunePlan(
                        plan.schedule(),
                        700,
                        List.of(
                                new PrunePlan.Stage(
                                        0, 2, 700, 11, new PruneShape(64, 16, 48, 700, 11, 1, 1, 4, 252), null),
                                new PrunePlan.Stage(
                                        3,
                                        4,
                                        252,
                                        4,
                                        new PruneShape(64, 16, 48, 252, 4, 1, 1, 4, 252),
                                        new PruneShape(64, 16, 1, 252, 4, 1, 1, 3, 188)),
                                new PrunePlan.Stage(5, 7, 252, 4, null, null))));
        assertThat(plan.decided(2, 1).stages().get(1).decode())
                .as("a decode budget of all that is live")
                .isNull();
    }

    @Test
    void aLaterMassCountsAmongWhatIsLeft() {
        PrunePlan plan = PrunePlan.of(schedule(64, 16, 48, 1, "1:p0.9:200-0.9,3:p0.8:200-400"), 700, 8);
        assertThat(plan.stages().get(1).mass()).isEqualTo(new MassCount(0.8, 1, 4));

        PrunePlan first = plan.decided(1, 3);
        assertThat(first.stages().get(0).mass()).isNull();
        assertThat(first.stages().get(1).mass()).isEqualTo(new MassCount(0.8, 1, 3));
        assertThat(first.decided(3, 2).stages())
                .extracting(PrunePlan.Stage::liveTokens)
                .containsExactly(700, 316, 252);
        assertThat(plan.decided(1, 1).stages().get(1).mass())
                .as("one candidate is left, and the floor keeps it")
                .isNull();
    }

    @Test
    void nothingIsLeftToCountWhereTheLimitsMeet() {
        for (String steps : List.of("2:p0.9:300-300", "2:p0.9:300-310", "2:p1.0:100-300", "2:p0.9:0.9-300")) {
            PrunePlan plan = PrunePlan.of(schedule(64, 16, 48, 1, steps), 700, 8);
            assertThat(plan.stages())
                    .as(steps)
                    .isEqualTo(PrunePlan.of(schedule(64, 16, 48, 1, "2:300"), 700, 8)
                            .stages());
        }
        assertThat(PrunePlan.of(schedule(64, 16, 48, 1, "2:p1.0:0.1-1.0"), 700, 8)
                        .prunes())
                .isFalse();
        assertThat(PrunePlan.of(schedule(64, 16, 48, 1, "2:p0.9:1-1.0"), 130, 8).prunes())
                .as("nothing but protected blocks")
                .isFalse();
    }

    @Test
    void aMassUnderAFullCeilingMayPrune() {
        PrunePlan plan = PrunePlan.of(schedule(64, 16, 48, 1, "2:p0.9:1-1.0"), 700, 8);
        assertThat(plan.prunes()).isTrue();
        assertThat(plan.wholeLayers()).isEqualTo(3);
        assertThat(plan.decided(2, 9).prunes()).isFalse();
    }

    @Test
    void aPlanThatFollowsDecisionsNeverGrows() {
        long seed = 9;
        Random random = new Random(seed);
        for (int round = 0; round < 2000; round++) {
            List<PruneStep> steps = new ArrayList<>();
            for (int layer = random.nextInt(3); layer < 8; layer += 1 + random.nextInt(3)) {
                Budget.Tokens low = new Budget.Tokens(1 + random.nextInt(150));
                Budget.Tokens high = new Budget.Tokens(low.count() + random.nextInt(200));
                Budget budget = random.nextInt(3) == 0 ? high : new Budget.Mass(0.5, low, high);
                steps.add(new PruneStep(layer, budget, layer < 7 && random.nextBoolean() ? low : null));
            }
            int block = 1 + random.nextInt(20);
            PruneSchedule schedule = new PruneSchedule(block, block, 1 + random.nextInt(30), random.nextInt(30), steps);
            PrunePlan plan = PrunePlan.of(schedule, 1 + random.nextInt(300), 8);
            String run = "seed " + seed + ", round " + round + ": " + schedule;
            for (int i = 0; i < plan.stages().size(); i++) {
                MassCount mass = plan.stages().get(i).mass();
                if (mass != null) {
                    int kept = mass.min() + random.nextInt(mass.max() - mass.min() + 1);
                    PrunePlan next = plan.decided(plan.stages().get(i).lastLayer(), kept);
                    assertThat(next.stages()).as(run).hasSameSizeAs(plan.stages());
                    for (int stage = 0; stage < next.stages().size(); stage++) {
                        assertThat(next.stages().get(stage).liveTokens())
                                .as(run)
                                .isLessThanOrEqualTo(plan.stages().get(stage).liveTokens());
                        assertThat(next.stages().get(stage).activeTokens())
                                .as(run)
                                .isLessThanOrEqualTo(plan.stages().get(stage).activeTokens());
                    }
                    plan = next;
                }
            }
            assertThat(plan.stages()).as(run).allMatch(stage -> stage.mass() == null);
        }
    }

    @Test
    void aDecisionThatIsNotToBeMadeIsRefused() {
        PrunePlan plan = PrunePlan.of(schedule(64, 16, 48, 1, "1:p0.9:200-0.9,3:p0.8:200-400,5:200"), 700, 8);
        assertThatIllegalStateException()
                .isThrownBy(() -> plan.decided(2, 1))
                .withMessageContaining("layer 2 of 1:p0.9:200-0.9,3:p0.8:200-400,5:200 has no number");
        assertThatIllegalStateException().isThrownBy(() -> plan.decided(5, 1));
        assertThatIllegalStateException()
                .isThrownBy(() -> plan.decided(1, 0))
                .withMessageContaining("keeps 0 candidates, which is not within 1..7");
        assertThatIllegalStateException()
                .isThrownBy(() -> plan.decided(3, 2))
                .withMessage("layer 3 decides before layer 1");
    }

    @Test
    void aPromptShorterThanTheWindowStaysWhole() {
        PrunePlan plan = PrunePlan.of(schedule(64, 8, 64, 64, "1:0.1"), 19, 4);
        assertThat(plan.prunes()).isFalse();
        assertThat(plan.stages().get(0).decision()).isEqualTo(new PruneShape(64, 8, 19, 19, 1, 0, 1, 1, 19));
    }

    @Test
    void theLastLayerMayDecideForItsOwnMlp() {
        PrunePlan plan = PrunePlan.of(schedule(64, 8, 64, 64, "3:0.25"), 1000, 4);
        assertThat(plan.stages()).hasSize(1);
        assertThat(plan.prunes()).isTrue();
    }

    @Test
    void withoutStepsThereIsOneStage() {
        PrunePlan plan = PrunePlan.of(PruneSchedule.dense(), 1000, 4);
        assertThat(plan.stages()).containsExactly(new PrunePlan.Stage(0, 3, 1000, 16, null, null));
        assertThat(plan.prunes()).isFalse();
    }

    @Test
    void theLongestPromptDoesNotOverflow() {
        int promptTokens = Integer.MAX_VALUE;
        PrunePlan plan = PrunePlan.of(
                new PruneSchedule(1024, 8, 1024, Integer.MAX_VALUE, PruneSchedule.parseSteps("1:1")), promptTokens, 4);
        assertThat(plan.prunes()).isFalse();
        assertThat(plan.stages().get(1).liveTokens()).isEqualTo(promptTokens);
        assertThat(PrunePlan.of(schedule(1024, 8, 1, 0, "1:1024"), promptTokens, 4)
                        .stages()
                        .get(1)
                        .liveTokens())
                .isEqualTo(1023);
    }

    @Test
    void refusesAnEmptyPromptAndUnknownLayers() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PrunePlan.of(PruneSchedule.dense(), 0, 4))
                .withMessage("a prompt of 0 tokens cannot be prefilled");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PrunePlan.of(schedule(64, 8, 64, 64, "4:0.5"), 100, 4))
                .withMessageContaining("this model has layers 0..3");
        PrunePlan plan = PrunePlan.of(PruneSchedule.dense(), 10, 4);
        assertThatIllegalArgumentException().isThrownBy(() -> plan.stageOf(4));
        assertThatIllegalArgumentException().isThrownBy(() -> plan.stageOf(-1));
    }

    private static PruneSchedule schedule(int block, int unit, int window, int sink, String steps) {
        return new PruneSchedule(block, unit, window, sink, PruneSchedule.parseSteps(steps));
    }
}
