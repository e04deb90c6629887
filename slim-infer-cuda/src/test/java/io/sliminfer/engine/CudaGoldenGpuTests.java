package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.cuda.GpuTest;
import io.sliminfer.format.DType;
import io.sliminfer.golden.GoldenCases;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Small models of every architecture on the GPU against transformers in float32. */
@GpuTest
class CudaGoldenGpuTests {

    /** Largest relative L2 error in bf16 of logits whose model does not make more of rounding. */
    private static final double BF16_TOLERANCE = 2e-2;

    /**
     * What transformers itself gets in bf16, the larger of SDPA and eager attention. The golden models' attention is peaked, so that a
     * rounded key moves much weight; ours rounds less than transformers (residual stream, qkv, norms and RoPE are float32 here).
     *
     * <p>{@code python3 benchmarks/gpu/bf16_reference.py slim-infer-core/src/test/resources/golden}
     */
    private static final Map<String, Double> TRANSFORMERS_BF16 = Map.ofEntries(
            Map.entry("llama-linear", 0.1422),
            Map.entry("llama-rope-llama3", 0.1223),
            Map.entry("llama-tied", 0.2227),
            Map.entry("mistral", 0.1193),
            Map.entry("qwen2", 0.0520),
            Map.entry("qwen2-yarn", 0.0991),
            Map.entry("qwen3", 0.0122));

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
        Double transformers = TRANSFORMERS_BF16.get(golden.name());
        double error = GoldenRun.denseError(golden, "cuda", DType.BF16);
        System.out.println(
                golden + ": relative L2 error of dense logits in bf16 " + error + ", transformers' " + transformers);
        assumeThat(transformers)
                .as("transformers' own error for %s: run bf16_reference.py", golden)
                .isNotNull();
        assertThat(error).isLessThanOrEqualTo(Math.max(BF16_TOLERANCE, transformers));
    }
}
