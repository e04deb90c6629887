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
 * @param serving         how requests share the engine
 * @param prefillTile     rows that pass a layer together in prefill, or 0 for the backend's favourite
 */
public record EngineSettings(
        @Nullable String backend,
        BackendSettings backendSettings,
        PruneSettings pruning,
        int maxPromptTokens,
        KvSettings kv,
        ServingSettings serving,
        int prefillTile) {

    public EngineSettings {
        require(maxPromptTokens >= 0, "max-prompt-tokens", maxPromptTokens, "0 (no limit of its own) or more");
        require(prefillTile >= 0, "prefill-tile", prefillTile, "0 (choose) or more");
    }

    public static EngineSettings defaults() {
        return new EngineSettings(
                null,
                BackendSettings.defaults(),
                PruneSettings.defaults(),
                0,
                KvSettings.defaults(),
                ServingSettings.defaults(),
                0);
    }

    static void require(boolean allowed, String name, Object value, String range) {
        if (!allowed) {
            throw new IllegalArgumentException("slim-infer." + name + "=" + value + " is not allowed: use " + range);
        }
    }
}
