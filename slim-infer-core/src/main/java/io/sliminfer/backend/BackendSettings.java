package io.sliminfer.backend;

import io.sliminfer.format.DType;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How a backend is opened.
 *
 * @param compute     dtype of activations, or null for what the device is best at
 * @param threads     worker threads of a CPU backend, or 0 for all cores
 * @param device      index of the GPU
 * @param memoryBytes most memory of the device that is used in all, or 0 for what is free on it
 * @param cacheDir    folder for what is compiled or measured once for a device, or null for none
 */
public record BackendSettings(
        @Nullable DType compute, int threads, int device, long memoryBytes, @Nullable Path cacheDir) {

    /** On the first GPU, if the backend runs on one. */
    public BackendSettings(@Nullable DType compute, int threads) {
        this(compute, threads, 0, 0, null);
    }

    public static BackendSettings defaults() {
        return new BackendSettings(null, 0);
    }
}
