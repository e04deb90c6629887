package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.TestBackends;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every model, schedule and length, on seeded random models. A failure names its seed and round. */
@Tag("once") // arithmetic, which a JDK does not change
class PrefillPropertyTests {

    private static final List<String> MODELS = List.of("llama", "qwen3", "qwen2");
    private static final int TOKENS_MAX = 400;

    /** Largest relative L2 distance of logits that the same sums in another order may have in float32. */
    private static final double ROUNDING = 1e-5;

    @TempDir
    static Path folder;

    @BeforeAll
    static void writeModels() {
        TestBackends.fit(SmallModels.llama()).seed(1).write(folder.resolve("llama"));
        TestBackends.fit(SmallModels.qwen3()).seed(2).write(folder.resolve("qwen3"));
        TestBackends.fit(SmallModels.qwen2()).seed(3).write(folder.resolve("qwen2"));
    }

    static Stream<Arguments> modelsAndBackends() {
        return MODELS.stream().flatMap(model -> TestBackends.names("cpu", "java").stream()
                .map(backend -> Arguments.of(model, backend)));
    }

    private static ModelPass open(String model, String backend, int threads, int tile) {
        GoldenRun.assumeUsable(backend);
        return ModelPass.open(folder.resolve(model), backend, DType.F32, threads, TOKENS_MAX, tile);
    }

    private static ModelConfig config(String model) {
        try (ModelFolder opened = ModelFolder.open(folder.resolve(model))) {
            return opened.config();
        }
    }

    private static PruneSchedule randomSchedule(Random random, int layers) {
        List<PruneStep> steps = new ArrayList<>();
        for (int layer = random.nextInt(3); layer < layers; layer += 1 + random.nextInt(3)) {
            steps.add(new PruneStep(
                    layer,
                    random.nextBoolean()
                            ? new Budget.Share(0.02 + 0.98 * random.nextDouble())
                            : new Budget.Tokens(1 + random.nextInt(TOKENS_MAX))));
        }
        return sizes(random, steps);
    }

    /** The same schedule with a random mass below each budget. */
    private static PruneSchedule withMasses(Random random, PruneSchedule schedule) {
        List<PruneStep> steps = new ArrayList<>();
        for (PruneStep step : schedule.steps()) {
            Budget.Fixed ceiling = (Budget.Fixed) step.budget();
            Budget.Fixed floor = ceiling instanceof Budget.Share share
                    ? new Budget.Share(share.value() * (0.01 + 0.99 * random.nextDouble()))
                    : new Budget.Tokens(1 + random.nextInt(ceiling.tokens(TOKENS_MAX)));
            double mass = 0.05 + 0.9 * random.nextDouble();
            steps.add(new PruneStep(step.layer(), new Budget.Mass(mass, floor, ceiling)));
        }
        return schedule.withSteps(steps);
    }

    private static PruneSchedule sizes(Random random, List<PruneStep> steps) {
        int block = 1 + random.nextInt(40);
        return new PruneSchedule(block, 1 + random.nextInt(block), 1 + random.nextInt(70), random.nextInt(70), steps);
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("modelsAndBackends")
    void keptBlocksAreSortedWithinTheBudgetAndHoldTheProtectedOnes(String model, String backend) {
        long seed = 5;
        Random random = new Random(seed);
        ModelConfig config = config(model);
        try (ModelPass pass = open(model, backend, 1, 64)) {
            for (int round = 0; round < 40; round++) {
                int[] prompt = SmallModels.prompt(round, 1 + random.nextInt(TOKENS_MAX), config.vocabulary());
                PruneSchedule schedule = randomSchedule(random, config.layers());
                ModelPass.Result result = pass.run(prompt, schedule, 1);
                String run = "seed " + seed + ", round " + round + ": " + schedule + ", " + prompt.length + " tokens";
                requireKept(result.keptBlocks(), schedule, prompt.length, run);
            }
        }
    }

    private static void requireKept(List<List<Integer>> kept, PruneSchedule schedule, int tokens, String run) {
        int block = schedule.block();
        List<Integer> live =
                IntStream.range(0, (tokens + block - 1) / block).boxed().toList();
        assertThat(kept.get(0)).as(run).isEqualTo(live);
        List<Integer> isProtected = live.stream()
                .filter(b -> b * block < schedule.sink() || (b + 1) * block > tokens - schedule.window())
                .toList();
        assertThat(kept).as(run).hasSize(schedule.steps().size() + 1);
        for (int i = 1; i < kept.size(); i++) {
            String decision = run + ", decision " + i;
            List<Integer> stays = kept.get(i);
            int budget = schedule.steps().get(i - 1).budget().tokens(tokens);
            assertThat(stays).as(decision).isEqualTo(List.copyOf(new TreeSet<>(stays)));
            assertThat(kept.get(i - 1)).as("%s: was live before", decision).containsAll(stays);
            assertThat(stays).as("%s: protected", decision).containsAll(isProtected);
            int size = size(stays, block, tokens);
            assertThat(size)
                    .as("%s: tokens", decision)
                    .isLessThanOrEqualTo(Math.max(budget, size(isProtected, block, tokens)));
            assertThat(stays.size() == kept.get(i - 1).size() || size + block > budget)
                    .as("%s: one more block would pass the budget", decision)
                    .isTrue();
        }
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("modelsAndBackends")
    void aMassKeepsFromItsFloorToItsCeiling(String model, String backend) {
        long seed = 15;
        Random random = new Random(seed);
        ModelConfig config = config(model);
        int between = 0;
        try (ModelPass pass = open(model, backend, 1, 64)) {
            for (int round = 0; round < 40; round++) {
                int[] prompt = SmallModels.prompt(round, 1 + random.nextInt(TOKENS_MAX), config.vocabulary());
                PruneSchedule schedule = withMasses(random, randomSchedule(random, config.layers()));
                List<List<Integer>> kept = pass.run(prompt, schedule, 2).keptBlocks();
                String run = "seed " + seed + ", round " + round + ": " + schedule + ", " + prompt.length + " tokens";
                assertThat(kept).as(run).hasSize(schedule.steps().size() + 1);
                for (int i = 1; i < kept.size(); i++) {
                    assertThat(kept.get(i - 1)).as(run).containsAll(kept.get(i));
                    Budget.Mass mass = (Budget.Mass) schedule.steps().get(i - 1).budget();
                    int low = blocksWithin(mass.floor(), kept.get(i - 1), schedule, prompt.length);
                    int high = blocksWithin(mass.ceiling(), kept.get(i - 1), schedule, prompt.length);
                    assertThat(kept.get(i).size()).as("%s, decision %d", run, i).isBetween(Math.min(low, high), high);
                    between += kept.get(i).size() > low && kept.get(i).size() < high ? 1 : 0;
                }
                assertThat(pass.kv().deviceSlotsUsed()).as(run).isZero();
            }
        }
        assertThat(between).as("decisions that neither limit made").isGreaterThan(5);
    }

    /** Blocks that a fixed budget keeps of those live. */
    private static int blocksWithin(Budget.Fixed budget, List<Integer> live, PruneSchedule schedule, int tokens) {
        int block = schedule.block();
        List<Integer> isProtected = live.stream()
                .filter(b -> b * block < schedule.sink() || (b + 1) * block > tokens - schedule.window())
                .toList();
        int room = Math.max(0, Math.floorDiv(budget.tokens(tokens) - size(isProtected, block, tokens), block));
        return isProtected.size() + Math.min(live.size() - isProtected.size(), room);
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("modelsAndBackends")
    void aMassWithoutRoomIsAFixedBudget(String model, String backend) {
        long seed = 16;
        Random random = new Random(seed);
        ModelConfig config = config(model);
        try (ModelPass pass = open(model, backend, 1, 64)) {
            for (int round = 0; round < 12; round++) {
                int[] prompt = SmallModels.prompt(round, 1 + random.nextInt(TOKENS_MAX), config.vocabulary());
                PruneSchedule fixed = randomSchedule(random, config.layers());
                boolean full = random.nextBoolean();
                PruneSchedule mass = fixed.withSteps(fixed.steps().stream()
                        .map(step -> {
                            Budget.Fixed budget = (Budget.Fixed) step.budget();
                            Budget.Mass same = full
                                    ? new Budget.Mass(1, new Budget.Share(1e-6), budget)
                                    : new Budget.Mass(0.5, budget, budget);
                            return new PruneStep(step.layer(), same);
                        })
                        .toList());
                String run = "seed " + seed + ", round " + round + ": " + mass;

                ModelPass.Result expected = pass.run(prompt, fixed, 6);
                ModelPass.Result result = pass.run(prompt, mass, 6);

                assertThat(result.keptBlocks()).as(run).isEqualTo(expected.keptBlocks());
                assertThat(result.greedy()).as(run).isEqualTo(expected.greedy());
                assertThat(result.logits()).as(run).isEqualTo(expected.logits());
            }
        }
    }

    private static int size(List<Integer> blocks, int block, int tokens) {
        return blocks.stream()
                .mapToInt(b -> Math.min(block, tokens - b * block))
                .sum();
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("modelsAndBackends")
    void aBudgetThatHoldsThePromptEqualsDenseBitForBit(String model, String backend) {
        long seed = 6;
        Random random = new Random(seed);
        ModelConfig config = config(model);
        int last = config.layers() - 1;
        try (ModelPass pass = open(model, backend, 1, 64)) {
            for (int round = 0; round < 8; round++) {
                int[] prompt = SmallModels.prompt(round, 1 + random.nextInt(TOKENS_MAX), config.vocabulary());
                PruneSchedule schedule = sizes(
                        random,
                        List.of(
                                new PruneStep(0, new Budget.Tokens(prompt.length)),
                                new PruneStep(last - 1, new Budget.Share(1))));
                ModelPass.Result dense = pass.run(prompt, schedule.withoutSteps(), 6);
                String run = "seed " + seed + ", round " + round + ", " + prompt.length + " tokens";

                List<PruneStep> fullMass =
                        PruneSchedule.parseSteps("0:p1:1-" + prompt.length + "," + (last - 1) + ":p1:0.1-1.0");
                for (PruneSchedule keepsAll : List.of(schedule, schedule.withSteps(fullMass))) {
                    ModelPass.Result full = pass.run(prompt, keepsAll, 6);

                    assertThat(full.logits()).as(run).isEqualTo(dense.logits());
                    assertThat(full.greedy()).as(run).isEqualTo(dense.greedy());
                }

                // A decision in the last layer makes its MLP run for all rows, not for the last alone: other products,
                // rounded otherwise.
                ModelPass.Result atLast =
                        pass.run(prompt, sizes(random, List.of(new PruneStep(last, new Budget.Share(1)))), 6);
                assertThat(GoldenRun.relativeError(atLast.logits(), dense.logits()))
                        .as("%s, decision in the last layer", run)
                        .isLessThan(ROUNDING);
                assertThat(atLast.greedy()).as(run).isEqualTo(dense.greedy());
            }
        }
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("modelsAndBackends")
    void tilesAndThreadsChangeNothingButRounding(String model, String backend) {
        ModelConfig config = config(model);
        PruneSchedule pruned = new PruneSchedule(16, 4, 20, 10, PruneSchedule.parseSteps("1:0.5,2:0.25"));
        int[] prompt = SmallModels.prompt(7, 333, config.vocabulary());
        ModelPass.Result denseBefore = null;
        ModelPass.Result prunedBefore = null;
        for (int threads : new int[] {1, 2, 3}) {
            for (int tile : new int[] {16, 64, 1000}) {
                try (ModelPass pass = open(model, backend, threads, tile)) {
                    ModelPass.Result dense = pass.run(prompt, PruneSchedule.dense(), 16);
                    ModelPass.Result other = pass.run(prompt, pruned, 16);
                    String run = threads + " threads, tiles of " + tile;
                    if (denseBefore != null) {
                        assertSame(dense, denseBefore, run);
                        assertSame(other, prunedBefore, run + ", pruned");
                    }
                    denseBefore = dense;
                    prunedBefore = other;
                }
            }
        }
        assertThat(prunedBefore.logits()).as("pruning changes something").isNotEqualTo(denseBefore.logits());
    }

    private static void assertSame(ModelPass.Result actual, ModelPass.Result expected, String run) {
        assertThat(actual.keptBlocks()).as(run).isEqualTo(expected.keptBlocks());
        assertThat(GoldenRun.relativeError(actual.logits(), expected.logits()))
                .as(run)
                .isLessThan(ROUNDING);
        assertThat(actual.greedy()).as(run).isEqualTo(expected.greedy());
    }
}
