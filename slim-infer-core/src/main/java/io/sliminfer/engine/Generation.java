package io.sliminfer.engine;

/** A submitted request. Thread-safe. */
public interface Generation {

    /** Number of the request, by which reports and {@link EngineListener} name it; counted from 1 in each engine. */
    long id();

    /** Stops the work at the next token, or within one tile of a prefill layer. A finished generation ignores it. */
    void cancel();

    /** The same for an answer that is whole, such as one that reached a stop string: it ends with {@link FinishReason#STOP}. */
    void stop();
}
