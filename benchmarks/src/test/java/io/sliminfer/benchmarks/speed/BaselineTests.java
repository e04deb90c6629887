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

    private Peer llama(Path gguf, Duration timeout) {
        return Peer.llama(gguf, 1, PeerModel.characters(model.vocabulary()), timeout);
    }

    @Test
    void readsTheNumbersThatAPeerWrites() throws Exception {
        Map<String, Object> numbers = PeerResult.parse(PeerResult.line(100, 5, 0.5, 2.5));

        assertThat(numbers)
                .containsEntry("promptTokensMeasured", 100L)
                .containsEntry("generatedTokens", 5L)
                .containsEntry("ttftSeconds", 0.5)
                .containsEntry("promptTokensPerSecond", 200.0)
                .containsEntry("decodeMillisPerToken", 500.0)
                .containsEntry("decodeTokensPerSecond", 2.0);
        assertThatThrownBy(() -> PeerResult.parse("noise"))
                .isInstanceOf(Unavailable.class)
                .hasMessageContaining("noise");
    }

    @Test
    void carriesARequestOverTheCommandLine() {
        PeerRequest request = new PeerRequest(Path.of("a model"), 2, 300, 16, 64, 512);

        assertThat(PeerRequest.of(request.toArguments().toArray(new String[0]))).isEqualTo(request);
        assertThat(request.text(7).codePointCount(0, request.text(7).length())).isEqualTo(7);
    }

    @Test
    void endsAProcessThatTakesTooLong() {
        assertThatThrownBy(() ->
                        llama(cache.resolve("none.gguf"), Duration.ofMillis(1)).measure(64, 1))
                .hasMessageContaining("--peer-timeout");
    }

    @Test
    void failsWithoutAModelInsteadOfHanging() {
        assertThatThrownBy(() -> llama(cache.resolve("none.gguf"), Duration.ofSeconds(60))
                        .measure(64, 1))
                .isInstanceOf(Unavailable.class);
    }

    @Test
    void saysWhyAJvmDidNotStart() {
        List<String> command = ChildProcess.java(
                ChildProcess.thisJava(), List.of("--add-modules", "no.such.module"), "none", PeerResult.class);

        assertThatThrownBy(() -> {
                    try (ChildProcess process = ChildProcess.start(command)) {
                        process.await(ChildProcess.RESULT, Duration.ofSeconds(60));
                    }
                })
                .isInstanceOf(Unavailable.class)
                .hasMessageContaining("ended with status 1")
                .hasMessageContaining("no.such.module");
    }

    @Test
    void saysThatJlamaCannotRun() {
        Peer jlama = Peer.jlama(ChildProcess.thisJava(), "none.jar", cache, 1, 100, Duration.ofSeconds(60));
        String reason = Runtime.version().feature() < 20 ? "Jlama needs Java 20 or newer" : "ClassNotFoundException";

        assertThatThrownBy(() -> jlama.measure(64, 1))
                .isInstanceOf(Unavailable.class)
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @ValueSource(strings = {"Q4_0", "F16"})
    void measuresLlamaCppOnAFileOfTheModelsShape(GgufWriter.Type type) {
        Peer llama = llama(PeerModel.file(model, type, cache), Duration.ofSeconds(60));
        Map<String, Object> sample;
        try {
            sample = llama.measure(300, 4);
        } catch (Unavailable e) {
            assumeThat(e.getMessage()).as("the binding has no native here").doesNotStartWith("UnsatisfiedLinkError");
            throw new AssertionError(e);
        }
        assertThat(sample)
                .as("each character is one token, none is cut")
                .containsEntry("promptTokensMeasured", 300L)
                .containsEntry("generatedTokens", 4L);
        assertThat((Double) sample.get("ttftSeconds")).isPositive();
        assertThat((Double) sample.get("decodeMillisPerToken")).isPositive();
    }
}
