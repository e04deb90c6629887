package io.sliminfer.engine;

import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.format.ModelConfig;

/**
 * A loaded model that serves requests. Thread-safe; below it one thread owns all state.
 */
public interface Engine extends AutoCloseable {

    /**
     * Queues a request.
     *
     * @throws EngineException if it is refused: too long, too large for the KV cache, queue full, engine closed
     * @throws IllegalArgumentException if an id is not in the vocabulary or the schedule does not fit the model
     */
    Generation submit(GenerationRequest request, TokenListener listener);

    EngineSnapshot snapshot();

    ModelConfig model();

    DeviceInfo device();

    /** Pruning of requests that do not bring their own schedule. */
    PruneDefaults pruning();

    /** Longest prompt that is accepted, in tokens. */
    int maxPromptTokens();

    /** Cancels what runs, fails what waits, frees all memory. May be called twice. */
    @Override
    void close();
}
