package io.sliminfer.cuda;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendContract;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.format.DType;

/** What every backend must do, on the GPU in one dtype. */
@GpuTest
abstract class GpuBackendContract extends BackendContract {

    private final DType compute;
    private final double tolerance;

    GpuBackendContract(DType compute, double tolerance) {
        this.compute = compute;
        this.tolerance = tolerance;
    }

    @Override
    protected Backend open() {
        return new CudaBackendProvider().open(new BackendSettings(compute, 0));
    }

    @Override
    protected double tolerance() {
        return tolerance;
    }
}
