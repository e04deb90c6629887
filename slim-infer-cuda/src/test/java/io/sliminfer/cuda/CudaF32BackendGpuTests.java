package io.sliminfer.cuda;

import io.sliminfer.format.DType;

@GpuTest
class CudaF32BackendGpuTests extends GpuBackendContract {

    CudaF32BackendGpuTests() {
        super(DType.F32, 1e-5);
    }
}
