package io.sliminfer.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** What an engine's listener was told, in order. */
final class RecordedEngine implements EngineListener {

    /** One call. */
    sealed interface Event {}

    record Refused(EngineException.Kind kind) implements Event {}

    record Queued(RequestInfo request) implements Event {}

    record Started(RequestInfo request, Duration queued, int cachedTokens) implements Event {}

    record FirstToken(RequestInfo request, Duration queued, Duration prefill) implements Event {}

    record Finished(RequestInfo request, FinishReason reason, GenerationReport report) implements Event {}

    record Failed(RequestInfo request, EngineException failure, GenerationReport report) implements Event {}

    record Step(StepStats stats) implements Event {}

    record Stopped(Throwable cause) implements Event {}

    private final List<Event> events = new ArrayList<>();

    private synchronized void add(Event event) {
        events.add(event);
    }

    synchronized List<Event> events() {
        return List.copyOf(events);
    }

    /** Those of one type, in order. */
    <T extends Event> List<T> all(Class<T> type) {
        return events().stream().filter(type::isInstance).map(type::cast).toList();
    }

    /** Names of the events without steps, in order. */
    List<String> names(Predicate<Event> which) {
        return events().stream()
                .filter(event -> !(event instanceof Step) && which.test(event))
                .map(event -> event.getClass().getSimpleName())
                .toList();
    }

    @Override
    public void refused(EngineException.Kind kind) {
        add(new Refused(kind));
    }

    @Override
    public void queued(RequestInfo request) {
        add(new Queued(request));
    }

    @Override
    public void started(RequestInfo request, Duration queued, int cachedTokens) {
        add(new Started(request, queued, cachedTokens));
    }

    @Override
    public void firstToken(RequestInfo request, Duration queued, Duration prefill) {
        add(new FirstToken(request, queued, prefill));
    }

    @Override
    public void finished(RequestInfo request, FinishReason reason, GenerationReport report) {
        add(new Finished(request, reason, report));
    }

    @Override
    public void failed(RequestInfo request, EngineException failure, GenerationReport report) {
        add(new Failed(request, failure, report));
    }

    @Override
    public void step(StepStats step) {
        add(new Step(step));
    }

    @Override
    public void stopped(Throwable cause) {
        add(new Stopped(cause));
    }
}
