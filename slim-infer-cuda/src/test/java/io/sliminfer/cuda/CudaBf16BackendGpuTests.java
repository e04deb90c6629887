package io.sliminfer.cuda;

import io.sliminfer.format.DType;

@GpuTest
class CudaBf16BackendGpuTests extends GpuBackendContract {

    CudaBf16BackendGpuTests() {
        super(DType.BF16, 2e-2);
    }
}
