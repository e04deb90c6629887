package io.sliminfer.backend;

import io.sliminfer.format.DType;

/**
 * What a backend runs on, for logs and the actuator endpoint.
 *
 * @param backend     the backend's name, such as {@code cpu}
 * @param description one line for people: library, instruction set, threads
 * @param compute     dtype of activations and KV cache
 * @param memoryBytes memory that the backend may use in all
 * @param dedicated   whether that memory is the device's own, so that weights and activations take from it too and all of it can be
 *                    planned for
 * @param tile        rows of a prefill tile that the device likes best
 */
public record DeviceInfo(
        String backend, String description, DType compute, long memoryBytes, boolean dedicated, int tile) {

    /** A tile of this many rows keeps a CPU's products at full speed and its activations in tens of MiB. */
    private static final int HOST_TILE = 1024;

    /** A device that works in the host's memory. */
    public DeviceInfo(String backend, String description, DType compute, long memoryBytes) {
        this(backend, description, compute, memoryBytes, false, HOST_TILE);
    }
}
