package io.sliminfer.backend.trace;

/** Takes spans on the engine's thread: return at once and do not throw. */
public interface SpanListener {

    /**
     * Whether operations are to be timed from here on. Asked before each of them; what it says should change between steps only,
     * because a step that is timed does not run as a graph.
     */
    boolean isListening();

    /** A span has ended. It comes when a later operation is enqueued, which may be after the listener stopped to listen. */
    void onSpan(Span span);
}
