package io.sliminfer.cuda;

import io.sliminfer.format.DType;

@GpuTest
class CudaF16BackendGpuTests extends GpuBackendContract {

    CudaF16BackendGpuTests() {
        super(DType.F16, 1e-2);
    }
}
