package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.cuda.GpuTest;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.RopeConfig;
import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.PruneSchedule;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The host enqueues a prefill faster than the device runs it, yet what is cancelled must leave the device soon. Llama-3.2-1B's shape
 * with random weights, 64K tokens; times are compared with the whole prefill's on the same device.
 */
@GpuTest
@Timeout(300)
class CudaCancelGpuTests {

    private static final int TOKENS = 65_536;

    private static final ModelConfig LLAMA_1B = new ModelConfig(
            "llama",
            128_256,
            2048,
            8192,
            16,
            32,
            8,
            64,
            1e-5f,
            new RopeConfig(500_000, new RopeConfig.None()),
            false,
            false,
            false,
            false,
            true,
            TOKENS + 64,
            Set.of(),
            DType.BF16);

    @Test
    void theDeviceIsFreeSoonAfterACancelInPrefill() throws InterruptedException {
        EngineSettings settings = new EngineSettings(
                "cuda",
                new BackendSettings(DType.BF16, 0),
                PruneSettings.of(PruneSchedule.dense(), 0),
                0,
                KvSettings.defaults(),
                ServingSettings.defaults(),
                0);
        try (ModelFolder folder = ModelFolder.random("random-1b", LLAMA_1B, 7);
                LocalEngine engine = LocalEngine.open(folder, settings)) {
            run(engine, prompt(1, TOKENS)); // makes what the first prompt of a length makes
            Duration whole = run(engine, prompt(2, TOKENS));
            Duration small = run(engine, prompt(3, 8));

            RecordedGeneration cancelled = new RecordedGeneration();
            Generation running = engine.submit(greedy(prompt(4, TOKENS), 1), cancelled);
            Thread.sleep(whole.toMillis() / 4);
            long before = System.nanoTime();
            running.cancel();
            cancelled.awaitFinish(FinishReason.CANCELLED);
            Duration told = Duration.ofNanos(System.nanoTime() - before);
            run(engine, prompt(5, 8));
            Duration free = Duration.ofNanos(System.nanoTime() - before).minus(small);

            assertThat(free)
                    .as("time until the device is free, told after %s, with three quarters of %s left", told, whole)
                    .isLessThan(whole.dividedBy(3));
        }
    }

    /** Prompts of other seeds have nothing in common that the prefix cache could reuse. */
    private static int[] prompt(long seed, int tokens) {
        return SmallModels.prompt(seed, tokens, LLAMA_1B.vocabulary());
    }

    private static Duration run(LocalEngine engine, int[] prompt) {
        long before = System.nanoTime();
        RecordedGeneration generation = new RecordedGeneration();
        engine.submit(greedy(prompt, 1), generation);
        generation.awaitFinish(FinishReason.LENGTH);
        return Duration.ofNanos(System.nanoTime() - before);
    }
}
