package io.sliminfer.backend.cpu;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.KvTypeContract;

class JavaKvTypeTests extends KvTypeContract {

    @Override
    protected Backend open() {
        return new JavaBackend(new BackendSettings(null, 2));
    }

    @Override
    protected double tolerance() {
        return 3e-6;
    }
}
