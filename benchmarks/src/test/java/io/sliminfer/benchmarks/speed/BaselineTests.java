package io.sliminfer.benchmarks.speed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.benchmarks.models.GgufWriter;
import io.sliminfer.benchmarks.models.PeerModel;
import io.sliminfer.benchmarks.models.SyntheticModel;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class BaselineTests {

    @TempDir
    Path cache;

    private ModelConfig model;

    @BeforeEach
    void takeTheTestShape() {
        try (ModelFolder folder = ModelFolder.open(SyntheticModel.shape("test").folder(cache))) {
            model = folder.config();
        }
    }

    @Test
    void findsARateForEachShapeOfTheModel() {
        try (GemmBaseline gemm = new GemmBaseline(model, DType.F32, 1)) {
            Map<String, Object> sample = gemm.measure(2000);

            assertThat(sample).containsEntry("rows", 1024).containsEntry("promptTokens", 2000);
            // One core reaches some tens; a rate far above means that time or FLOPs are wrong.
            assertThat((Double) sample.get("gflopsPerSecond")).isBetween(0.1, 2000.0);
            assertThat((Map<?, ?>) sample.get("gflopsPerSecondByShape"))
                    .extracting(Map::keySet)
                    .asString()
                    .isEqualTo("[qkv, o, gateUp, down]");
            assertThat(gemm.dtypes()).isIn("f32 x bf16", "f32 x f32");
        }
    }

    @Test
    void givesOneSampleForEachLength() throws Exception {
        List<String> lines = List.of("noise", "RESULT {\"promptTokens\":64}", "RESULT {\"promptTokens\":128}");

        List<JsonNode> samples = LlamaBaseline.samples(lines, 0, List.of(64, 128));

        assertThat(samples)
                .extracting(sample -> sample.path("promptTokens").asInt())
                .containsExactly(64, 128);
    }

    @Test
    void saysWhyLlamaCppCannotBeMeasured() {
        assertThatThrownBy(() -> LlamaBaseline.samples(List.of("FAILED UnsatisfiedLinkError: none"), 1, List.of(64)))
                .hasMessage("UnsatisfiedLinkError: none");
        assertThatThrownBy(() -> LlamaBaseline.samples(List.of(), 132, List.of(64)))
                .hasMessage("its process ended with status 132 after 0 of 1 results");
    }

    @Test
    void endsAProcessThatTakesTooLong() {
        LlamaBaseline llama = new LlamaBaseline(cache.resolve("none.gguf"), 1, 1, 100, Duration.ofMillis(1));

        assertThatThrownBy(() -> llama.measure(List.of(64))).hasMessageContaining("--llama-timeout");
    }

    @Test
    void failsWithoutAModelInsteadOfHanging() {
        LlamaBaseline llama = new LlamaBaseline(cache.resolve("none.gguf"), 1, 1, 100, Duration.ofSeconds(60));

        assertThatThrownBy(() -> llama.measure(List.of(64))).isInstanceOf(LlamaBaseline.Unavailable.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"Q4_0", "F16"})
    void measuresLlamaCppOnAFileOfTheModelsShape(GgufWriter.Type type) {
        LlamaBaseline llama = new LlamaBaseline(
                PeerModel.file(model, type, cache),
                1,
                4,
                PeerModel.characters(model.vocabulary()),
                Duration.ofSeconds(60));
        List<JsonNode> samples;
        try {
            samples = llama.measure(List.of(100, 300));
        } catch (LlamaBaseline.Unavailable e) {
            assumeThat(e.getMessage()).as("the binding has no native here").doesNotStartWith("UnsatisfiedLinkError");
            throw new AssertionError(e);
        }
        assertThat(samples)
                .extracting(sample -> sample.path("promptTokensMeasured").asInt())
                .as("each character is one token, none is cut")
                .containsExactly(100, 300);
        assertThat(samples).allSatisfy(sample -> {
            assertThat(sample.path("ttftSeconds").asDouble()).isPositive();
            assertThat(sample.path("decodeMillisPerToken").asDouble()).isPositive();
        });
    }
}
