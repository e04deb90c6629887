package io.sliminfer.engine;

/**
 * One step of the engine.
 *
 * @param decodeBatch   sequences that each got a token, or were to
 * @param prefillLayers layers of a prompt that were done besides; a layer of a long one may take several steps
 * @param nanos         time on the host. On a device with a queue a prefill without decode beside it may only have been enqueued
 */
public record StepStats(int decodeBatch, int prefillLayers, long nanos) {}
