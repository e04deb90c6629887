package io.sliminfer.engine;

/** Whether an engine serves. */
public enum EngineState {
    /** It takes requests. */
    RUNNING,
    /** It takes no more and ends those that it has. */
    CLOSING,
    /** It was closed, its memory is free. */
    CLOSED,
    /** It ended by a failure, {@link EngineSnapshot#failure}: a lost device, an {@link Error}, a broken invariant. */
    FAILED
}
