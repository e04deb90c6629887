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
 * @param weights     how matrices of linear layers are kept
 * @param weightCache folder for weights as the CPU backend packs them, or null for none. In the settings of an engine it has a folder for
 *                    each model, a backend gets its model's; it need not exist
 */
public record BackendSettings(
        @Nullable DType compute,
        int threads,
        int device,
        long memoryBytes,
        @Nullable Path cacheDir,
        WeightPrecision weights,
        @Nullable Path weightCache) {

    /** With weights in the form that suits file and device, without a cache of them. */
    public BackendSettings(
            @Nullable DType compute, int threads, int device, long memoryBytes, @Nullable Path cacheDir) {
        this(compute, threads, device, memoryBytes, cacheDir, WeightPrecision.AUTO, null);
    }

    /** On the first GPU, if the backend runs on one. */
    public BackendSettings(@Nullable DType compute, int threads) {
        this(compute, threads, 0, 0, null);
    }

    /** The same with weights of another form. */
    public BackendSettings withWeights(WeightPrecision precision) {
        return new BackendSettings(compute, threads, device, memoryBytes, cacheDir, precision, weightCache);
    }

    /** The same with another folder for packed weights. */
    public BackendSettings withWeightCache(@Nullable Path folder) {
        return new BackendSettings(compute, threads, device, memoryBytes, cacheDir, weights, folder);
    }

    public static BackendSettings defaults() {
        return new BackendSettings(null, 0);
    }
}
