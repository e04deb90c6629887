package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.cuda.GpuTest;
import io.sliminfer.format.DType;
import io.sliminfer.golden.GoldenCases;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Small models of every architecture on the GPU against transformers in float32. */
@GpuTest
class CudaGoldenGpuTests {

    /** Largest relative L2 error of logits whose weights, activations and cache have 8 bits of precision. */
    private static final double BF16_TOLERANCE = 2e-2;

    static Stream<GoldenCases.Model> models() {
        return GoldenCases.models().stream();
    }

    @ParameterizedTest
    @MethodSource("models")
    void repeatsTheReferenceInFloat32(GoldenCases.Model golden) {
        GoldenRun.assertRepeats(golden, "cuda");
    }

    @ParameterizedTest
    @MethodSource("models")
    void staysCloseToTheReferenceInBf16(GoldenCases.Model golden) {
        double error = GoldenRun.denseError(golden, "cuda", DType.BF16);
        System.out.println(golden + ": relative L2 error of dense logits in bf16 " + error);
        assertThat(error).isLessThan(BF16_TOLERANCE);
    }
}
