package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.HookedBackend;
import io.sliminfer.cuda.GpuTest;
import io.sliminfer.engine.ModelPass.Pools;
import io.sliminfer.engine.ModelPass.Step;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelFolderWriter;
import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What must not change an answer on the GPU: where its blocks are, whether a step is a graph, requests that were cancelled, engines
 * that were closed. A model with random weights whose heads take the kernels of real models.
 */
@GpuTest
@Timeout(300)
class CudaOffloadGpuTests {

    private static final int BLOCK = 16;
    private static final int LAYERS = 6;
    private static final int KV_HEADS = 2;
    private static final int HEAD_DIM = 64;
    private static final int VOCABULARY = 256;

    /** 44 blocks, 21 with a short last one, 9 with another. */
    private static final int[] PROMPTS = {704, 333, 139};

    private static final int TOKENS_MAX = 800;
    private static final int TILE = 256;
    private static final String DECODE_BUDGETS = "1:0.6/0.3,3:0.4/64";

    /** Rows of the steps: each size stays for a while, so that its graph is made and used, and comes back. */
    private static final int[] BATCH_SIZES = {1, 1, 1, 1, 3, 3, 3, 3, 2, 2, 2, 2, 3, 3, 3, 1, 1, 1, 2, 2, 2, 3, 3, 3};

    private static final int ROUNDS = 4;

    @TempDir
    private static Path folder;

    @BeforeAll
    static void writeModel() {
        new ModelFolderWriter("llama")
                .config("num_hidden_layers", String.valueOf(LAYERS))
                .config("hidden_size", "128")
                .config("num_attention_heads", "8")
                .config("num_key_value_heads", String.valueOf(KV_HEADS))
                .config("head_dim", String.valueOf(HEAD_DIM))
                .config("intermediate_size", "192")
                .config("vocab_size", String.valueOf(VOCABULARY))
                .dtype(DType.BF16)
                .write(folder);
    }

    private static PruneSchedule schedule(String steps) {
        return new PruneSchedule(BLOCK, 4, BLOCK, BLOCK, PruneSchedule.parseSteps(steps));
    }

    static Stream<Arguments> typesAndSchedules() {
        return Stream.of(DType.F32, DType.BF16).flatMap(compute -> Stream.of("", "1:0.6,3:0.4", DECODE_BUDGETS)
                .map(steps -> Arguments.of(compute, steps)));
    }

    /** Batches of those sizes, in which every prompt has every row in turn. */
    private static List<int[]> batches() {
        List<int[]> batches = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < BATCH_SIZES.length; i++) {
                int[] members = new int[BATCH_SIZES[i]];
                for (int row = 0; row < members.length; row++) {
                    // A row keeps its prompt for as long as the size stays, so that launches repeat.
                    members[row] = (row + round + BATCH_SIZES[i]) % PROMPTS.length;
                }
                batches.add(members);
            }
        }
        return batches;
    }

    private static List<List<Step>> follow(DType compute, String steps, boolean graphs, Pools pools) {
        Backend backend = Backends.choose("cuda").open(new BackendSettings(compute, 0));
        // With a hook each operation is enqueued by itself.
        Backend used = graphs ? backend : new HookedBackend(backend, (op, arguments) -> {});
        try (ModelPass pass = ModelPass.open(folder, used, TOKENS_MAX, TILE, BLOCK, PROMPTS.length, pools)) {
            List<int[]> prompts = new ArrayList<>();
            for (int i = 0; i < PROMPTS.length; i++) {
                prompts.add(SmallModels.prompt(i, PROMPTS[i], VOCABULARY));
            }
            List<int[]> batches = batches();
            int[] tokens = SmallModels.prompt(9, batches.size(), VOCABULARY);
            List<List<Step>> followed =
                    pass.follow(prompts, Collections.nCopies(PROMPTS.length, schedule(steps)), tokens, batches, 0.9);
            assertThat(pass.kv().movesBlocks()).isEqualTo(pools.hostSlots() > 0);
            pass.kv().drain();
            assertThat(pass.kv().deviceSlotsUsed())
                    .as("slots that nobody gave back")
                    .isZero();
            assertThat(pass.kv().hostSlotsUsed())
                    .as("host slots that nobody gave back")
                    .isZero();
            return followed;
        }
    }

    @ParameterizedTest
    @MethodSource("typesAndSchedules")
    void graphsAndOffloadingChangeNoBitOfAnyStep(DType compute, String steps) {
        List<List<Step>> plain = follow(compute, steps, false, Pools.ROOMY);

        assertSame(follow(compute, steps, true, Pools.ROOMY), plain, "graphs");
        int blocks = 0;
        for (int tokens : PROMPTS) {
            blocks += (tokens + BATCH_SIZES.length * ROUNDS + BLOCK - 1) / BLOCK;
        }
        int quarter = LAYERS * blocks / 4;
        assertThat(quarter)
                .as("device slots without which no batch runs")
                .isGreaterThan(blocks + PROMPTS.length * LAYERS);
        for (int prefetchLayers : new int[] {0, 2}) {
            Pools pools = new Pools(quarter, LAYERS * blocks, null, prefetchLayers);
            assertSame(
                    follow(compute, steps, true, pools), plain, "a quarter on the device, prefetch " + prefetchLayers);
        }
        if (steps.equals(DECODE_BUDGETS)) {
            assertThat(new HashSet<>(plain.get(0).stream().map(Step::active).toList()))
                    .as("active blocks of the longest prompt: swaps")
                    .hasSizeGreaterThan(1);
        }
    }

    private static void assertSame(List<List<Step>> actual, List<List<Step>> expected, String what) {
        for (int prompt = 0; prompt < PROMPTS.length; prompt++) {
            assertThat(actual.get(prompt))
                    .as("%s, prompt %d: steps", what, prompt)
                    .hasSameSizeAs(expected.get(prompt));
            for (int step = 0; step < expected.get(prompt).size(); step++) {
                Step one = expected.get(prompt).get(step);
                Step other = actual.get(prompt).get(step);
                assertThat(other.active())
                        .as("%s, prompt %d, step %d: active blocks", what, prompt, step)
                        .isEqualTo(one.active());
                assertThat(other.logits())
                        .as("%s, prompt %d, step %d: logits", what, prompt, step)
                        .isEqualTo(one.logits());
            }
        }
    }

    /** Without a prefix cache: what a request finds of an earlier one would change its tiles, and so its rounding. */
    private static TestEngine.Settings settings(DType compute, String steps, int deviceSlots, int hostSlots) {
        long slotBytes = (long) BLOCK * 2 * KV_HEADS * HEAD_DIM * compute.bytes();
        return TestEngine.settings()
                .backend("cuda")
                .compute(compute)
                .prefillTile(64)
                .pruning(PruneSettings.of(schedule(steps), 0))
                .kv(new KvSettings(deviceSlots * slotBytes, null, hostSlots * slotBytes, null, 0, 2, 0.9)
                        .withPrefixes(PrefixSettings.off()));
    }

    private static TestEngine.Settings resident(DType compute, String steps) {
        return settings(compute, steps, 2000, 0);
    }

    /** A quarter of what the longest prompt takes, and room behind it. */
    private static TestEngine.Settings offloaded(DType compute, String steps) {
        return settings(compute, steps, LAYERS * (PROMPTS[0] + 40) / BLOCK / 4, 2000);
    }

    /** What a request gave, with all logits. */
    private static final class Recorded extends RecordedGeneration {
        private final List<float[]> logits = new ArrayList<>();

        @Override
        public boolean wantsLogits() {
            return true;
        }

        @Override
        public void onLogits(float[] row) {
            logits.add(row.clone());
        }
    }

    private static Recorded alone(TestEngine test, int index) {
        Recorded recorded = new Recorded();
        test.engine.submit(request(test, index), recorded);
        recorded.awaitFinish(FinishReason.LENGTH);
        return recorded;
    }

    private static GenerationRequest request(TestEngine test, int index) {
        return greedy(test.prompt(index, PROMPTS[index]), 40);
    }

    private static void assertNothingHeld(TestEngine test) {
        assertThat(test.slotsUsedWhenIdle()).as("device slots when idle").isZero();
        RecordedGeneration.await(
                "free host slots", () -> test.engine.snapshot().kv().host().used() == 0);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void anEngineAnswersWithTheSameIdsAndLogitsWhereverBlocksAre(DType compute) {
        try (TestEngine roomy = resident(compute, DECODE_BUDGETS).open(folder);
                TestEngine small = offloaded(compute, DECODE_BUDGETS).open(folder)) {
            for (int i = 0; i < PROMPTS.length; i++) {
                Recorded expected = alone(roomy, i);
                Recorded moved = alone(small, i);

                assertThat(moved.tokens()).as("prompt %d: ids", i).isEqualTo(expected.tokens());
                assertThat(moved.logits)
                        .as("prompt %d: logits", i)
                        .hasSize(expected.logits.size())
                        .isNotEmpty();
                for (int token = 0; token < expected.logits.size(); token++) {
                    assertThat(moved.logits.get(token))
                            .as("prompt %d, token %d: logits", i, token)
                            .isEqualTo(expected.logits.get(token));
                }
                GenerationReport report = moved.awaitFinish(FinishReason.LENGTH);
                assertThat(report.stages())
                        .isEqualTo(expected.awaitFinish(FinishReason.LENGTH).stages());
                if (i == 0) {
                    assertThat(report.transfers().bytesToHost())
                            .as("bytes to the host")
                            .isPositive();
                    assertThat(report.transfers().bytesToDevice())
                            .as("bytes back")
                            .isPositive();
                    assertThat(report.stages().stream()
                                    .mapToInt(stage -> stage.decode().swaps())
                                    .sum())
                            .as("swaps of active blocks")
                            .isPositive();
                }
            }
            assertNothingHeld(small);

            List<RecordedGeneration> together = new ArrayList<>();
            for (int i = 0; i < PROMPTS.length; i++) {
                together.add(small.submit(request(small, i)));
            }
            together.forEach(each -> each.awaitFinish(FinishReason.LENGTH));
            assertNothingHeld(small);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void aPrefillCancelledWithinATileLeavesNothing(DType compute) {
        Recorded expected;
        try (TestEngine test = offloaded(compute, "1:0.6,3:0.4").open(folder)) {
            expected = alone(test, 0);
        }
        // 704 tokens are 11 tiles of 64 in each of the first two layers: the 17th is in the second.
        HeldOps held = new HeldOps("attend", 17);
        try (TestEngine test = offloaded(compute, "1:0.6,3:0.4").hook(held).open(folder);
                held) {
            RecordedGeneration cancelled = new RecordedGeneration();
            Generation generation = test.engine.submit(request(test, 0), cancelled);
            held.awaitHeld();
            generation.cancel();
            held.release();

            assertThat(cancelled.awaitFinish(FinishReason.CANCELLED).generatedTokens())
                    .isZero();
            assertThat(held.calls()).as("tiles after the cancel").isEqualTo(17);
            assertNothingHeld(test);
            Recorded again = alone(test, 0);
            assertThat(again.tokens()).isEqualTo(expected.tokens());
            assertThat(again.logits.get(0)).isEqualTo(expected.logits.get(0));
            assertNothingHeld(test);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void anEngineIsClosedWhileItRunsAndTheNextAnswersAlike(DType compute) {
        List<Integer> expected;
        try (TestEngine test = resident(compute, "").open(folder)) {
            expected = alone(test, 1).tokens();
        }
        // Graphs in the first; in the second blocks move: 700 tokens and 3,000 more are 232 blocks in a layer.
        for (TestEngine.Settings settings : List.of(resident(compute, ""), settings(compute, "", 260, 5000))) {
            List<RecordedGeneration> running = new ArrayList<>();
            try (TestEngine test = settings.open(folder)) {
                for (int i = 0; i < PROMPTS.length; i++) {
                    running.add(test.submit(
                            new GenerationRequest(test.prompt(i, PROMPTS[i]), Sampling.GREEDY, 3000, Set.of(), null)));
                }
                running.get(0).awaitTokens(5);
                test.engine.close();
                for (RecordedGeneration each : running) {
                    assertThat(each.awaitFailure(EngineException.Kind.CLOSED)).hasMessage("the engine was closed");
                }
            }
            try (TestEngine test = resident(compute, "").open(folder)) {
                assertThat(alone(test, 1).tokens()).isEqualTo(expected);
            }
        }
    }
}
