package io.sliminfer.backend.cpu;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;

/** Offers {@link JavaBackend}, which works everywhere and is taken where nothing faster does. */
public final class JavaBackendProvider implements BackendProvider {

    @Override
    public String name() {
        return JavaBackend.NAME;
    }

    @Override
    public int priority() {
        return 0;
    }

    @Override
    public Availability availability() {
        return new Availability(
                true,
                "plain Java, several times slower than native libraries: meant for platforms that have none"
                        + " (slim-infer.backend=java asks for it everywhere)");
    }

    @Override
    public Backend open(BackendSettings settings) {
        return new JavaBackend(settings);
    }
}
