package io.sliminfer.engine;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.trace.SpanListener;
import io.sliminfer.backend.trace.TracedBackend;

/** A provider whose backend is timed. */
record TracedProvider(BackendProvider provider, SpanListener spans) implements BackendProvider {

    @Override
    public String name() {
        return provider.name();
    }

    @Override
    public int priority() {
        return provider.priority();
    }

    @Override
    public Availability availability() {
        return provider.availability();
    }

    @Override
    public Backend open(BackendSettings settings) {
        Backend backend = provider.open(settings);
        try {
            return new TracedBackend(backend, spans);
        } catch (RuntimeException | Error e) {
            backend.close();
            throw e;
        }
    }
}
