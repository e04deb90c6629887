package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.SmallModels;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryPlanTests {

    /** 6 layers, 2 KV heads of 8, hidden size 32, 4 query heads, FFN 48, 4096 positions. */
    private static final ModelConfig MODEL = SmallModels.llama().model();

    private static final long GIB = 1L << 30;

    private static DeviceInfo device(DType compute, long memoryBytes) {
        return new DeviceInfo("test", "a test's device", compute, memoryBytes);
    }

    private static EngineSettings settings(int maxPromptTokens, long kvMemoryBytes, int batchMax, int tile) {
        return new EngineSettings(
                null,
                BackendSettings.defaults(),
                PruneSettings.defaults(),
                maxPromptTokens,
                KvSettings.ofMemory(kvMemoryBytes),
                ServingSettings.of(batchMax, 64),
                tile);
    }

    private static MemoryPlan plan(EngineSettings settings) {
        return MemoryPlan.of(MODEL, device(DType.F32, 8 * GIB), settings, 64);
    }

    @Test
    void aSlotHoldsKeysAndValuesOfABlockInTheComputeType() {
        EngineSettings settings = settings(0, 0, 8, 0);
        assertThat(MemoryPlan.of(MODEL, device(DType.F32, GIB), settings, 64).slotBytes())
                .isEqualTo(64 * 2 * (2 * 16) * 4);
        assertThat(MemoryPlan.of(MODEL, device(DType.BF16, GIB), settings, 32).slotBytes())
                .isEqualTo(32 * 2 * (2 * 16) * 2);
    }

    @Test
    void choosesKvMemoryForSeveralPromptsOfFullLength() {
        // 4096 positions are 64 blocks in each of 6 layers.
        assertThat(plan(settings(0, 0, 1, 0)).slots()).isEqualTo(2 * 6 * 64);
        assertThat(plan(settings(0, 0, 4, 0)).slots()).isEqualTo(2 * 6 * 64);
        assertThat(plan(settings(0, 0, 8, 0)).slots()).isEqualTo(4 * 6 * 64);
    }

    @Test
    void choosesAtMostFourTenthsOfTheMachinesMemory() {
        MemoryPlan plan = MemoryPlan.of(MODEL, device(DType.F32, 1_000_000), settings(0, 0, 8, 0), 64);

        assertThat(plan.slots()).isEqualTo(400_000 / (64 * 2 * 2 * 16 * 4));
        assertThat(plan.kvBytes()).isLessThanOrEqualTo(400_000);
    }

    @Test
    void takesTheKvMemoryThatIsConfiguredInWholeSlots() {
        long slotBytes = 64 * 2 * 2 * 16 * 4;
        MemoryPlan plan = plan(settings(0, 100 * slotBytes + slotBytes - 1, 8, 0));

        assertThat(plan.slots()).isEqualTo(100);
        assertThat(plan.kvBytes()).isEqualTo(100 * slotBytes);
        // More than an int's worth of bytes.
        assertThat(plan(settings(0, 100 * GIB, 8, 0)).kvBytes()).isEqualTo(100 * GIB);
    }

    @Test
    void namesTheLeastKvMemoryWhereThereIsTooLittle() {
        long slotBytes = 64 * 2 * 2 * 16 * 4;
        assertThatIllegalArgumentException()
                .isThrownBy(() -> plan(settings(0, 12 * slotBytes - 1, 8, 0)))
                .withMessageStartingWith("slim-infer.kv-cache.memory=" + (12 * slotBytes - 1) + " bytes hold 11 slots")
                .withMessageEndingWith("Use " + 12 * slotBytes + " bytes or more");
        assertThat(plan(settings(0, 12 * slotBytes, 8, 0)).slots()).isEqualTo(12);
    }

    @Test
    void leavesRoomForAnAnswer() {
        assertThat(plan(settings(0, 0, 8, 0)).maxPromptTokens()).isEqualTo(4095);
        assertThat(plan(settings(4095, 0, 8, 0)).maxPromptTokens()).isEqualTo(4095);
        assertThat(plan(settings(100, 0, 8, 0)).maxPromptTokens()).isEqualTo(100);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> plan(settings(4096, 0, 8, 0)))
                .withMessageContaining("slim-infer.max-prompt-tokens=4096")
                .withMessageContaining("4096 positions");
    }

    @Test
    void countsTheWorkspace() {
        // For each prompt token: the residual stream (32 floats), positions, ids, scores and kept blocks; the first two
        // once more for a prompt of up to 4096 tokens that passes another. For each row of a
        // tile and a window of 1024: normed (32), q (64) and MLP (48) in the compute type, and q, k, v (64 + 32 + 32)
        // in
        // float32.
        assertThat(plan(settings(4000, 0, 8, 100)).workspaceBytes())
                .isEqualTo(4000L * (32 * 4 + 4 * 4) + 4000L * (32 * 4 + 4) + 1124L * ((32 + 64 + 48) * 4 + 128 * 4));
        assertThat(plan(settings(50, 0, 8, 100)).workspaceBytes())
                .as("no more rows than the longest prompt has")
                .isEqualTo(50L * (32 * 4 + 4 * 4) + 50L * (32 * 4 + 4) + 50L * ((32 + 64 + 48) * 4 + 128 * 4));
    }

    @Test
    void promptsThatPassOthersHaveRoomForAShortOne() {
        ModelConfig longer =
                SmallModels.llama().config("max_position_embeddings", "100000").model();
        assertThat(MemoryPlan.of(longer, device(DType.F32, 8 * GIB), settings(0, 0, 8, 0), 64)
                        .passingTokens())
                .isEqualTo(4096);
        assertThat(plan(settings(100, 0, 8, 0)).passingTokens()).isEqualTo(100);
    }

    @ParameterizedTest
    @ValueSource(ints = {4095, 5000, Integer.MAX_VALUE - 1000, Integer.MAX_VALUE})
    void aTileIsNoLongerThanTheLongestPrompt(int configured) {
        MemoryPlan plan = plan(settings(0, 0, 8, configured));

        assertThat(plan.tile()).isEqualTo(4095);
        assertThat(plan.workspaceBytes())
                .isEqualTo(plan(settings(0, 0, 8, 4095)).workspaceBytes());
    }

    @Test
    void choosesTheTileWhereNoneIsConfigured() {
        assertThat(plan(settings(0, 0, 8, 0)).tile()).isEqualTo(1024);
        assertThat(plan(settings(0, 0, 8, 17)).tile()).isEqualTo(17);
    }
}
