package io.sliminfer.backend.cpu;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;

/** Offers the CPU through oneDNN, where its natives load. */
public final class OneDnnBackendProvider implements BackendProvider {

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public int priority() {
        return 10;
    }

    @Override
    public Availability availability() {
        String unusable = OneDnn.UNUSABLE;
        return unusable == null
                ? new Availability(true, "oneDNN " + OneDnn.version() + " on " + OneDnn.instructionSet())
                : new Availability(false, unusable);
    }

    @Override
    public Backend open(BackendSettings settings) {
        return new OneDnnBackend(settings);
    }
}
