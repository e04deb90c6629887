package io.sliminfer.engine;

import io.sliminfer.backend.BackendSettings;
import org.jspecify.annotations.Nullable;

/**
 * How an engine is opened. Zero means "choose": each choice is logged at start.
 *
 * @param backend         name of the backend, or null for the best one that works here
 * @param pruning         of requests without a schedule of their own
 * @param maxPromptTokens longest prompt that is accepted, or 0 for what the model allows
 * @param kv              sizes and places of the KV cache
 * @param batchMax        sequences that decode together
 * @param queueCapacity   requests that may wait
 * @param prefillTile     rows that pass a layer together in prefill, or 0 for the backend's favourite
 */
public record EngineSettings(
        @Nullable String backend,
        BackendSettings backendSettings,
        PruneSettings pruning,
        int maxPromptTokens,
        KvSettings kv,
        int batchMax,
        int queueCapacity,
        int prefillTile) {

    public static final int BATCH_MAX_DEFAULT = 8;
    public static final int QUEUE_CAPACITY_DEFAULT = 64;

    public EngineSettings {
        require(maxPromptTokens >= 0, "max-prompt-tokens", maxPromptTokens, "0 (no limit of its own) or more");
        require(batchMax >= 1 && batchMax <= 1024, "batch-max", batchMax, "1 to 1024");
        require(queueCapacity >= 1, "queue-capacity", queueCapacity, "1 or more");
        require(prefillTile >= 0, "prefill-tile", prefillTile, "0 (choose) or more");
    }

    public static EngineSettings defaults() {
        return new EngineSettings(
                null,
                BackendSettings.defaults(),
                PruneSettings.defaults(),
                0,
                KvSettings.defaults(),
                BATCH_MAX_DEFAULT,
                QUEUE_CAPACITY_DEFAULT,
                0);
    }

    static void require(boolean allowed, String name, long value, String range) {
        if (!allowed) {
            throw new IllegalArgumentException("slim-infer." + name + "=" + value + " is not allowed: use " + range);
        }
    }
}
