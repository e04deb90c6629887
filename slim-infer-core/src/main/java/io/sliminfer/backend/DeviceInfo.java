package io.sliminfer.backend;

import io.sliminfer.format.DType;

/**
 * What a backend runs on, for logs and the actuator endpoint.
 *
 * @param backend     the backend's name, such as {@code cpu}
 * @param description one line for people: library, instruction set, threads
 * @param compute     dtype of activations and KV cache
 * @param memoryBytes memory that the backend may use in all
 */
public record DeviceInfo(String backend, String description, DType compute, long memoryBytes) {}
