package io.sliminfer.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CudaStatusTests {

    private final CudaStatus status = new CudaStatus(code -> "error" + code);

    @Test
    void success() {
        assertThatCode(() -> status.check(0, "cudaMemcpyAsync")).doesNotThrowAnyException();
    }

    @Test
    void namesCallErrorAndDetails() {
        assertThat(status.failure(2, "cudaMalloc", "KV pool needs 90,000 MiB"))
                .hasMessage("cudaMalloc failed: error2; KV pool needs 90,000 MiB");
    }

    @Test
    void outOfMemoryLeavesTheContextAlive() {
        CudaException failure = status.failure(2, "cudaMalloc", "");
        assertThat(failure.outOfMemory()).isTrue();
        assertThat(failure.sticky()).isFalse();
        assertThatCode(() -> status.requireAlive("cudaMemcpyAsync")).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 98, 209, 400, 500, 600, 701, 712, 900, 901, 906})
    void ordinaryErrorsLeaveTheContextAlive(int code) {
        assertThat(status.failure(code, "call", "").sticky()).isFalse();
        assertThat(status.isLost()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {214, 220, 700, 702, 710, 714, 715, 716, 717, 718, 719, 999})
    void errorsOfKernelsAndHardwareLoseIt(int code) {
        assertThat(status.failure(code, "call", "").sticky()).isTrue();
        assertThat(status.isLost()).isTrue();
    }

    @Test
    void laterCallsFailWithTheFirstCause() {
        CudaException first = status.failure(700, "cudaStreamSynchronize", "");
        status.failure(719, "cudaEventQuery", "");
        assertThatThrownBy(() -> status.requireAlive("cudaMemcpyAsync"))
                .isInstanceOfSatisfying(CudaException.class, e -> {
                    assertThat(e.sticky()).isTrue();
                    assertThat(e.code()).isEqualTo(700);
                })
                .hasMessageStartingWith("cudaMemcpyAsync was not tried")
                .hasMessageContaining("cudaStreamSynchronize failed: error700")
                .hasCause(first);
    }
}
