package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.format.DType;
import io.sliminfer.format.GgufExport;
import io.sliminfer.format.ModelFolderWriter;
import io.sliminfer.format.SmallModels;
import io.sliminfer.golden.GoldenCases;
import io.sliminfer.golden.TinyModel;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Models in GGUF files run as the folders that they were made of. */
class GgufEngineTests {

    private static final int TOKENS = 8;

    @TempDir
    private Path temp;

    static Stream<GoldenCases.Model> models() {
        return GoldenCases.models().stream();
    }

    private static ModelPass.Result run(Path model, String backend, DType compute, int[] prompt) {
        return run(model, backend, compute, prompt, WeightPrecision.BF16);
    }

    private static ModelPass.Result run(
            Path model, String backend, DType compute, int[] prompt, WeightPrecision weights) {
        try (ModelPass pass = ModelPass.open(model, backend, compute, 0, prompt.length, 1024, weights)) {
            return pass.run(prompt, PruneSchedule.dense(), TOKENS);
        }
    }

    /** Covers every architecture, RoPE scaling and the rows of Q and K: the golden models' logits are another implementation's. */
    @ParameterizedTest
    @MethodSource("models")
    void aGoldenModelGivesTheSameLogits(GoldenCases.Model golden) {
        Path file = GgufExport.write(golden.folder(), "F32", temp.resolve("model.gguf"));

        ModelPass.Result expected = run(golden.folder(), "cpu", DType.F32, golden.prompt());
        ModelPass.Result actual = run(file, "cpu", DType.F32, golden.prompt());

        assertThat(actual.greedy()).isEqualTo(expected.greedy());
        assertThat(relativeError(actual.logits(), expected.logits())).isLessThan(1e-4);
    }

    /** The reference is the same model with its weights decoded to float32 beforehand and mapped. */
    @ParameterizedTest
    @CsvSource({
        "cpu,Q4_0",
        "cpu,Q4_1",
        "cpu,Q5_0",
        "cpu,Q5_1",
        "cpu,Q8_0",
        "cpu,Q4_K",
        "cpu,Q5_K",
        "cpu,Q6_K",
        "java,Q4_0",
        "java,Q6_K"
    })
    void quantisedWeightsAreThoseOfTheirDefinition(String backend, String type) {
        Path folder = new ModelFolderWriter("llama")
                .config("hidden_size", "256")
                .config("intermediate_size", "512")
                .config("head_dim", "64")
                .config("vocab_size", "500")
                .config("attention_bias", "true")
                .write(temp.resolve("model"));
        Path quantised = GgufExport.write(folder, type, temp.resolve("quantised.gguf"));
        Path decoded = GgufExport.write(quantised, "F32", temp.resolve("decoded.gguf"));
        int[] prompt = SmallModels.prompt(3, 100, 500);

        ModelPass.Result expected = run(decoded, backend, DType.F32, prompt);
        ModelPass.Result actual = run(quantised, backend, DType.F32, prompt);

        assertThat(relativeError(actual.logits(), expected.logits())).isLessThan(1e-4);
        assertThat(actual.greedy()).isEqualTo(expected.greedy());
        assertThat(relativeError(
                        actual.logits(), run(folder, backend, DType.F32, prompt).logits()))
                .as("what quantising costs")
                .isGreaterThan(1e-4);
    }

    /** The trained model answers as the reference implementation does, from a file with its own bf16 weights. */
    @ParameterizedTest
    @CsvSource({"0", "1"})
    void theTinyModelAnswersAsItsReference(int shortest) {
        Assumptions.assumeTrue(TinyModel.isThere(), "the tiny model is not in this checkout");
        Path file = GgufExport.write(TinyModel.folder(), "BF16", temp.resolve("tiny.gguf"));
        TinyModel.Case golden = TinyModel.cases().stream()
                .sorted(Comparator.comparingInt(other -> other.prompt().length))
                .skip(shortest)
                .findFirst()
                .orElseThrow();
        int[] expected = golden.dense().greedy();
        try (ModelPass pass = ModelPass.open(file, "cpu", DType.F32, 0, golden.prompt().length, 1024)) {
            assertThat(pass.run(golden.prompt(), PruneSchedule.dense(), expected.length)
                            .greedy())
                    .isEqualTo(expected);
        }
    }

    private static double relativeError(float[] actual, float[] expected) {
        double difference = 0;
        double size = 0;
        for (int i = 0; i < expected.length; i++) {
            difference += Math.pow(actual[i] - expected[i], 2);
            size += Math.pow(expected[i], 2);
        }
        return Math.sqrt(difference / size);
    }
}
