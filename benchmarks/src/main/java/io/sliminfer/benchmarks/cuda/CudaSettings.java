package io.sliminfer.benchmarks.cuda;

import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.KvType;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One run of the {@code cuda} command, checked.
 *
 * @param weights   forms of weights, an engine for each
 * @param prompts   prompt lengths in tokens, ascending
 * @param schedules of each mode, in the order of measuring
 * @param rounds    samples of each variant
 * @param warmUps   rounds that are run and not counted
 * @param tokens    tokens to generate after each prompt
 * @param memories  limits of device memory, an engine for each; 0 for what is free
 * @param kv        KV cache on the device
 * @param kvHost    KV cache behind it
 * @param maxPrompt longest prompt that the engine is sized for
 * @param tile      rows of a prefill tile, or 0 for the device's favourite
 * @param cache     folder of compiled kernels, or null for the user's own
 * @param profiles  whether operations are timed after the rounds
 * @param out       folder of results, or null
 */
record CudaSettings(
        BackendProvider provider,
        DType compute,
        List<WeightChoice> weights,
        int device,
        List<Integer> prompts,
        Map<Mode, PruneSchedule> schedules,
        int rounds,
        int warmUps,
        int tokens,
        List<Long> memories,
        KvSize kv,
        KvSize kvHost,
        int maxPrompt,
        int tile,
        @Nullable Path cache,
        boolean profiles,
        long seed,
        @Nullable Path out) {

    /** The same with another folder of compiled kernels. */
    CudaSettings withCache(Path other) {
        return new CudaSettings(
                provider, compute, weights, device, prompts, schedules, rounds, warmUps, tokens, memories, kv, kvHost,
                maxPrompt, tile, other, profiles, seed, out);
    }

    int promptMax() {
        return prompts.get(prompts.size() - 1);
    }

    /** KV bytes of the longest prompt and its answer in the mode that needs most. */
    long kvBytesFitting(ModelConfig model) {
        long bytes = 0;
        for (PruneSchedule schedule : schedules.values()) {
            PrunePlan plan = PrunePlan.of(schedule, promptMax(), model.layers());
            long slots = 0;
            for (int layer = 0; layer < model.layers(); layer++) {
                // The last generated token is never stored.
                long stored = plan.stageOf(layer).liveTokens() + tokens - 1L;
                slots += (stored + schedule.block() - 1) / schedule.block();
            }
            bytes = Math.max(
                    bytes, slots * KvType.of(compute).slotBytes(schedule.block(), model.kvHeads(), model.headDim()));
        }
        return bytes;
    }
}
