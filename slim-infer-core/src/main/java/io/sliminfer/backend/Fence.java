package io.sliminfer.backend;

/** The end of work that was enqueued. Thread-safe. */
public interface Fence {

    /** Whether the work has ended, well or not. */
    boolean isDone();

    /**
     * Waits for the end.
     *
     * @throws TransferException if the work failed
     */
    void join();

    /** Nanoseconds that the work took once it had begun; 0 before it is done. */
    long nanos();
}
