package io.sliminfer.chat;

/** A submitted conversation. Thread-safe. */
public interface ChatGeneration {

    /**
     * Waits for the end.
     *
     * @throws RuntimeException what {@link ChatListener#onFailed} was told
     * @throws java.util.concurrent.CancellationException if the waiting thread is interrupted; the work is cancelled then
     */
    ChatResult join();

    /** Stops the work at the next token, or within one tile of a prefill layer. */
    void cancel();
}
