package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.TestBackends;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.golden.GoldenCases;
import io.sliminfer.prune.PruneSchedule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Decode budgets through the whole engine: what it refuses and what it reports. */
class DecodeBudgetEngineTests {

    /** Also the size of a KV slot. */
    private static final int ENGINE_BLOCK = 16;

    private static final GoldenCases.Model GOLDEN = GoldenCases.model("llama-tied");

    private final ModelFolder folder = ModelFolder.open(GOLDEN.folder());
    private LocalEngine engine;

    private record Answer(List<Integer> ids, GenerationReport report) {}

    @BeforeEach
    void open() {
        engine = LocalEngine.open(folder, settings(PruneSettings.of(schedule(ENGINE_BLOCK, ""), 0), 1));
    }

    @AfterEach
    void close() {
        engine.close();
        folder.close();
    }

    @Test
    void reportsActiveTokensAndSwapsOfEachStage() throws Exception {
        GenerationReport report = run(schedule(16, "2:0.5/96,4:0.4")).report();

        // Sink and window protect block 0 and blocks 18 and 19; 320 tokens are full blocks.
        assertThat(report.stages())
                .extracting(GenerationReport.Stage::liveTokens)
                .containsExactly(320, 160, 128);
        assertThat(report.stages())
                .extracting(stage -> stage.decode().activeTokens())
                .containsExactly(320, 96, 128);
        assertThat(report.stages().get(0).decode().swaps()).isZero();
        assertThat(report.stages().get(1).decode().swaps()).isBetween(1, report.generatedTokens() - 2);
        assertThat(report.stages().get(2).decode().swaps()).isZero();
    }

    @Test
    void theThresholdOfTheSettingsDecidesWhenToSwap() throws Exception {
        engine.close();
        engine = LocalEngine.open(folder, settings(PruneSettings.of(schedule(ENGINE_BLOCK, ""), 0), 0));

        GenerationReport report = run(schedule(16, "2:0.5/96")).report();

        assertThat(report.stages().get(1).decode()).isEqualTo(new GenerationReport.Decode(96, 0));
    }

    @Test
    void aBlockOfSeveralSlotsIsTaken() throws Exception {
        GenerationReport report = run(schedule(32, "2:0.5/96")).report();

        assertThat(report.stages().get(1).decode().activeTokens()).isEqualTo(96);
    }

    @Test
    void aBlockThatFillsNoWholeSlotsIsRefused() throws Exception {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> run(schedule(24, "2:0.5/96,4:0.4")))
                .withMessage(
                        "pruning schedule 2:0.5/96,4:0.4 has decode budgets and a pruning block of 24 tokens, but a KV"
                                + " slot of this engine holds 16 (slim-infer.pruning.block): use a block that is a multiple of it,"
                                + " or leave the decode budgets out");
        assertThatIllegalArgumentException().isThrownBy(() -> run(schedule(8, "2:0.5/96")));
        assertThat(engine.snapshot().running() + engine.snapshot().queued()).isZero();
        // Without decode budgets any block will do.
        assertThat(run(schedule(24, "2:0.5,4:0.4")).ids()).hasSize(12);
    }

    @Test
    void aDecodeBudgetThatNoLayerFollowsIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> run(schedule(16, "2:0.5,7:0.4/96")))
                .withMessageContaining("layer 7 is this model's last");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> LocalEngine.open(folder, settings(PruneSettings.of(schedule(16, "7:0.4/96"), 0), 0.9)))
                .withMessageContaining("layer 7 is this model's last");
    }

    @Test
    void aDecodeBudgetOfAllLiveTokensGivesTheSameIds() throws Exception {
        assertThat(run(schedule(16, "2:0.5/0.5,4:0.4/1.0")).ids())
                .isEqualTo(run(schedule(16, "2:0.5,4:0.4")).ids());
    }

    private Answer run(PruneSchedule schedule) throws Exception {
        CompletableFuture<Answer> answer = new CompletableFuture<>();
        int[] prompt = Arrays.copyOf(GOLDEN.prompt(), 320);
        engine.submit(new GenerationRequest(prompt, Sampling.GREEDY, 12, Set.of(), schedule), new TokenListener() {
            private final List<Integer> ids = new ArrayList<>();

            @Override
            public void onToken(int id) {
                ids.add(id);
            }

            @Override
            public void onFinished(FinishReason reason, GenerationReport report) {
                answer.complete(new Answer(ids, report));
            }

            @Override
            public void onFailed(RuntimeException failure) {
                answer.completeExceptionally(failure);
            }
        });
        return answer.get(60, TimeUnit.SECONDS);
    }

    private static EngineSettings settings(PruneSettings pruning, double swapThreshold) {
        return new EngineSettings(
                TestBackends.single("java"),
                new BackendSettings(DType.F32, 0),
                pruning,
                1000,
                new KvSettings(32 << 20, null, 0, null, 0, 0, swapThreshold),
                ServingSettings.of(2, 4),
                0);
    }

    private static PruneSchedule schedule(int block, String steps) {
        return new PruneSchedule(block, 4, 24, 16, PruneSchedule.parseSteps(steps));
    }
}
