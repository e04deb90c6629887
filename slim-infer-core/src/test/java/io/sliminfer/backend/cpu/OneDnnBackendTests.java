package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendContract;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.format.DType;

/** The contract in float32. */
class OneDnnBackendTests extends BackendContract {

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
