package io.sliminfer.engine;

/**
 * Memory that an engine has set aside at start, in bytes.
 *
 * @param weightsBytes   the model's weights, those that are read in place from their files included
 * @param kvBytes        KV cache on the device
 * @param prefixBytes    hidden states of earlier prompts
 * @param workspaceBytes activations
 * @param hostBytes      KV cache in host memory behind the device
 * @param diskBytes      KV cache in a file behind that
 */
public record MemoryUsage(
        long weightsBytes, long kvBytes, long prefixBytes, long workspaceBytes, long hostBytes, long diskBytes) {}
