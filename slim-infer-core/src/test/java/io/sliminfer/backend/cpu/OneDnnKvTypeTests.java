package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.KvTypeContract;
import io.sliminfer.format.DType;

/** KV caches of all types under float32 activations. */
class OneDnnKvTypeTests extends KvTypeContract {

    @Override
    protected Backend open() {
        assumeThat(OneDnn.UNUSABLE).as("oneDNN's natives").isNull();
        return new OneDnnBackend(new BackendSettings(DType.F32, 2));
    }

    @Override
    protected double tolerance() {
        return 1e-5;
    }
}
