package io.sliminfer.engine;

import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.model.WeightReport;
import java.time.Duration;

/**
 * A loaded model that serves requests. Thread-safe; below it one thread owns all state.
 */
public interface Engine extends AutoCloseable {

    /**
     * Queues a request.
     *
     * @throws EngineException if it is refused: too long, too large for the KV cache, queue full, engine closed
     * @throws IllegalArgumentException if an id is not in the vocabulary, the schedule does not fit the model, or more tokens are asked
     *                                  for than an answer may have
     */
    Generation submit(GenerationRequest request, TokenListener listener);

    EngineSnapshot snapshot();

    ModelConfig model();

    DeviceInfo device();

    /** In which forms the backend keeps the model's weights. */
    WeightReport weights();

    /** Pruning of requests that do not bring their own schedule. */
    PruneDefaults pruning();

    /** Longest prompt that is accepted, in tokens. */
    int maxPromptTokens();

    /** Most tokens that a request may ask for. */
    int maxAnswerTokens();

    /**
     * Takes no more requests, refuses those that wait and lets running answers end: all others fail with {@link
     * EngineException.Kind#CLOSED}. Returns when none is left; memory stays until {@link #close}. Called on the engine's thread, by a
     * listener, it does not wait.
     *
     * @param grace longest time for running answers; after it, or if the waiting thread is interrupted, they are stopped at their next
     *              token or tile and fail like the others
     * @return whether all running answers came to their own end
     */
    boolean drain(Duration grace);

    /** Cancels what runs, fails what waits, frees all memory. May be called twice. */
    @Override
    void close();
}
