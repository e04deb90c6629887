package io.sliminfer.engine;

/**
 * Told of a generation's progress, on the engine's thread: return at once and do not throw. What {@link #onToken} throws ends the
 * request with {@link #onFailed}; what the others throw is logged. After {@link #onFinished} or {@link #onFailed} nothing follows.
 */
public interface TokenListener {

    /** A token was sampled. Ids that end the answer are not passed on. */
    void onToken(int id);

    void onFinished(FinishReason reason, GenerationReport report);

    /** The request failed: a full KV pool, logits that are not numbers, a device error, the engine's end. */
    void onFailed(RuntimeException failure);
}
