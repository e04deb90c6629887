package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

@GpuTest
class CudaProbeGpuTests {

    @Test
    void findsTheGpuOfThisMachine() {
        CudaProbe.Result result = CudaProbe.ofSystem();
        assertThat(result.complete()).as(result.summary()).isTrue();
        assertThat(result.summary()).contains("NVIDIA").contains("compute capability");
        System.out.println("CUDA probe: " + result.summary());
    }
}
