package io.sliminfer.engine;

import java.time.Duration;

/**
 * Watches an engine, for metrics, traces and logs; never told any text or token. All calls but {@link #refused} come on the engine's
 * thread, where every request waits for them: return at once. What is thrown is logged and changes nothing. After {@link #queued} of a
 * request comes exactly one of {@link #finished} and {@link #failed}, before the request's own {@link TokenListener} is told. The
 * requests by which an engine warms its device up are not reported.
 */
public interface EngineListener {

    /** Hears nothing. */
    EngineListener NONE = new EngineListener() {};

    /** All of them, one after the other; one that throws does not keep the others from being told. */
    static EngineListener of(EngineListener... listeners) {
        return new EngineListeners(listeners);
    }

    /** A request was turned away by {@link Engine#submit}. Called on the thread that submitted it, perhaps on several at once. */
    default void refused(EngineException.Kind kind) {}

    /** The engine's thread has taken a request into its queue. */
    default void queued(RequestInfo request) {}

    /**
     * The request has its memory, and its prefill begins.
     *
     * @param queued       since it was submitted
     * @param cachedTokens prompt tokens that the prefix cache has for it
     */
    default void started(RequestInfo request, Duration queued, int cachedTokens) {}

    /**
     * The first token was sampled.
     *
     * @param queued  submit to start of prefill
     * @param prefill start of prefill to this token; the sum is the time to first token
     */
    default void firstToken(RequestInfo request, Duration queued, Duration prefill) {}

    /** The request has ended, by itself or by {@link Generation#cancel}. Its slots are free already. */
    default void finished(RequestInfo request, FinishReason reason, GenerationReport report) {}

    /**
     * The request has failed.
     *
     * @param report what it had cost until then
     */
    default void failed(RequestInfo request, EngineException failure, GenerationReport report) {}

    /** A step has run. Steps that found nothing to do are not reported. */
    default void step(StepStats step) {}

    /**
     * The engine has ended by a failure, and all its requests with it; see {@link EngineState#FAILED}. A lost device has a {@link
     * io.sliminfer.backend.DeviceException} among the causes.
     */
    default void stopped(Throwable cause) {}
}
