package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.KvType;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.golden.GoldenCases;
import io.sliminfer.prune.PruneSchedule;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How the KV cache's type changes sizes at start. */
class KvTypeSettingTests {

    private static final int BLOCK = 64;

    @Test
    void isTheComputeTypeUnlessSet() {
        try (ModelFolder folder = folder()) {
            ModelConfig model = folder.config();
            assertThat(plan(model, DType.F32, null, 0).kvType()).isEqualTo(KvType.F32);
            assertThat(plan(model, DType.BF16, null, 0).kvType()).isEqualTo(KvType.BF16);
            assertThat(plan(model, DType.BF16, KvType.INT8, 0).kvType()).isEqualTo(KvType.INT8);
        }
    }

    @Test
    void theSameMemoryHoldsMoreSlotsOfASmallerType() {
        try (ModelFolder folder = folder()) {
            ModelConfig model = folder.config();
            int exact = plan(model, DType.F32, null, 64 << 20).slots();
            assertThat(plan(model, DType.F32, KvType.F16, 64 << 20).slots()).isBetween(2 * exact, 2 * exact + 1);
            MemoryPlan int8 = plan(model, DType.F32, KvType.INT8, 64 << 20);
            // The scales take a little of it.
            assertThat(int8.slots()).isBetween((int) (3.9 * exact), 4 * exact);
            assertThat(int8.slotBytes())
                    .isEqualTo(2L * BLOCK * model.kvColumns() + 2L * 4 * model.kvHeads())
                    .isEqualTo(int8.kvBytes() / int8.slots());
        }
    }

    @Test
    void tooLittleMemoryNamesTheType() {
        try (ModelFolder folder = folder()) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> plan(folder.config(), DType.F32, KvType.INT8, 1))
                    .withMessageContaining("slim-infer.kv-cache.memory=1 bytes hold 0 slots")
                    .withMessageContaining("slim-infer.kv-cache.type=int8");
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    void anEngineAnswersWithIt(KvType type) throws Exception {
        GoldenCases.Model golden = GoldenCases.models().get(0);
        try (ModelFolder folder = ModelFolder.open(golden.folder());
                LocalEngine engine = LocalEngine.open(folder, settings("java", type, 0))) {
            ModelConfig model = folder.config();
            CompletableFuture<GenerationReport> done = new CompletableFuture<>();
            engine.submit(
                    new GenerationRequest(golden.prompt(), Sampling.GREEDY, 5, Set.of(), PruneSchedule.dense()),
                    new Listener(done));
            long slotBytes = type.slotBytes(BLOCK, model.kvHeads(), model.headDim());
            GenerationReport report = done.get(60, TimeUnit.SECONDS);
            assertThat(report.generatedTokens()).isEqualTo(5);
            assertThat(report.kvBytes()).isPositive().isEqualTo(report.kvBytes() / slotBytes * slotBytes);
            assertThat(engine.snapshot().kv().slotBytes()).isEqualTo(slotBytes);
        }
    }

    private static ModelFolder folder() {
        return ModelFolder.open(GoldenCases.models().get(0).folder());
    }

    private static MemoryPlan plan(ModelConfig model, DType compute, @Nullable KvType type, long bytes) {
        DeviceInfo device = new DeviceInfo("test", "test", compute, 1L << 30);
        return MemoryPlan.of(model, device, settings(null, type, bytes), BLOCK);
    }

    private static EngineSettings settings(@Nullable String backend, @Nullable KvType type, long bytes) {
        return new EngineSettings(
                backend,
                BackendSettings.defaults(),
                PruneSettings.defaults(),
                0,
                new KvSettings(bytes, type, 0, null, 0, 0, 1),
                ServingSettings.of(8, 64),
                0);
    }

    private record Listener(CompletableFuture<GenerationReport> done) implements TokenListener {

        @Override
        public void onToken(int id) {}

        @Override
        public void onFinished(FinishReason reason, GenerationReport report) {
            done.complete(report);
        }

        @Override
        public void onFailed(RuntimeException failure) {
            done.completeExceptionally(failure);
        }
    }
}
