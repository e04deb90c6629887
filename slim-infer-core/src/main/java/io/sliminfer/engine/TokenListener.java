package io.sliminfer.engine;

/**
 * Told of a generation's progress, on the engine's thread: return at once and do not throw. What {@link #onToken} throws ends the
 * request with {@link #onFailed}; what the others throw is logged. After {@link #onFinished} or {@link #onFailed} nothing follows.
 */
public interface TokenListener {

    /**
     * Whether {@link #onLogits} is to be called; asked once, when the request is submitted. Greedy sampling needs no logits on the
     * host, and a vocabulary of them for each token takes time.
     */
    default boolean wantsLogits() {
        return false;
    }

    /**
     * Logits of the whole vocabulary were computed; the token that is drawn from them comes next. Called if {@link #wantsLogits}.
     * What it throws ends the request with {@link #onFailed}.
     *
     * @param logits the engine's own array: do not change it, and copy what is needed after the return
     */
    default void onLogits(float[] logits) {}

    /** A token was sampled. Ids that end the answer are not passed on. */
    void onToken(int id);

    void onFinished(FinishReason reason, GenerationReport report);

    /** The request failed: a full KV pool, logits that are not numbers, a device error, the engine's end. */
    void onFailed(RuntimeException failure);
}
