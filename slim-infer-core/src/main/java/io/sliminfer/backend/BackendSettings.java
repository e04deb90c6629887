package io.sliminfer.backend;

import io.sliminfer.format.DType;
import org.jspecify.annotations.Nullable;

/**
 * How a backend is opened.
 *
 * @param compute dtype of activations, or null for what the device is best at
 * @param threads worker threads of a CPU backend, or 0 for all cores
 */
public record BackendSettings(@Nullable DType compute, int threads) {

    public static BackendSettings defaults() {
        return new BackendSettings(null, 0);
    }
}
