package io.sliminfer.engine;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells several listeners. What one of them throws is logged: neither the engine nor the others notice. */
final class EngineListeners implements EngineListener {

    private static final Logger log = LoggerFactory.getLogger(EngineListeners.class);

    private final List<EngineListener> listeners;

    EngineListeners(EngineListener... listeners) {
        this.listeners = List.of(listeners);
    }

    private void tell(Consumer<EngineListener> call) {
        for (EngineListener listener : listeners) {
            try {
                call.accept(listener);
            } catch (Throwable e) { // the listener's code is not ours
                log.error("An engine listener failed", e);
            }
        }
    }

    @Override
    public void refused(EngineException.Kind kind) {
        tell(listener -> listener.refused(kind));
    }

    @Override
    public void queued(RequestInfo request) {
        tell(listener -> listener.queued(request));
    }

    @Override
    public void started(RequestInfo request, Duration queued, int cachedTokens) {
        tell(listener -> listener.started(request, queued, cachedTokens));
    }

    @Override
    public void firstToken(RequestInfo request, Duration queued, Duration prefill) {
        tell(listener -> listener.firstToken(request, queued, prefill));
    }

    @Override
    public void finished(RequestInfo request, FinishReason reason, GenerationReport report) {
        tell(listener -> listener.finished(request, reason, report));
    }

    @Override
    public void failed(RequestInfo request, EngineException failure, GenerationReport report) {
        tell(listener -> listener.failed(request, failure, report));
    }

    @Override
    public void step(StepStats step) {
        tell(listener -> listener.step(step));
    }

    @Override
    public void stopped(Throwable cause) {
        tell(listener -> listener.stopped(cause));
    }
}
