package io.sliminfer.engine;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;
import java.util.function.UnaryOperator;

/** A provider whose backend is put into another, which times or watches it. */
record WrappedProvider(BackendProvider provider, UnaryOperator<Backend> wrapper) implements BackendProvider {

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
            return wrapper.apply(backend);
        } catch (RuntimeException | Error e) {
            backend.close();
            throw e;
        }
    }
}
