package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** On a machine with a GPU the probe must find it. */
@Tag("gpu")
class CudaProbeGpuTests {

    @Test
    void findsTheGpuOfThisMachine() {
        CudaProbe.Result result = CudaProbe.ofSystem();
        if (!Boolean.getBoolean("gpu.required")) {
            assumeTrue(result.complete(), result.summary());
        }
        assertThat(result.complete()).as(result.summary()).isTrue();
        assertThat(result.summary()).contains("NVIDIA").contains("compute capability");
        System.out.println("CUDA probe: " + result.summary());
    }
}
