package io.sliminfer.engine;

/** A submitted request. Thread-safe. */
public interface Generation {

    /** Stops the work at the next token, or within one tile of a prefill layer. A finished generation ignores it. */
    void cancel();
}
