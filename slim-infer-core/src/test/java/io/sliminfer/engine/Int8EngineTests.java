package io.sliminfer.engine;

import static io.sliminfer.engine.TestEngine.greedy;
import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.engine.ModelPass.Pools;
import io.sliminfer.engine.ModelPass.Step;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFolderWriter;
import io.sliminfer.format.SmallModels;
import io.sliminfer.golden.TinyModel;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What an engine promises holds with weights in 8 bits: results do not depend on the batch, the cache or where blocks are. */
@Timeout(300)
class Int8EngineTests {

    private static final int BLOCK = 16;

    @TempDir
    static Path folder;

    @BeforeAll
    static void writeModel() {
        BackendProvider.Availability availability = Backends.choose("cpu").availability();
        Assumptions.assumeTrue(availability.usable(), availability.reason());
        SmallModels.llama().write(folder);
    }

    private static TestEngine.Settings settings(String steps) {
        return TestEngine.settings()
                .backend("cpu")
                .threads(2)
                .weights(WeightPrecision.INT8)
                .pruning(PruneSettings.of(
                        new PruneSchedule(BLOCK, 4, BLOCK, BLOCK, PruneSchedule.parseSteps(steps)), 0));
    }

    private static List<Integer> alone(String steps, int[] prompt, int tokens) {
        KvSettings off = KvSettings.defaults().withPrefixes(PrefixSettings.off());
        try (TestEngine test = settings(steps).kv(off).open(folder)) {
            RecordedGeneration generation = test.submit(greedy(prompt, tokens));
            generation.awaitFinish(FinishReason.LENGTH);
            return generation.tokens();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "2:0.5"})
    void aBatchAnswersAsItsSequencesAlone(String steps) {
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            prompts.add(SmallModels.prompt(20 + i, 60 + 37 * i, 50));
        }
        List<List<Integer>> answers = new ArrayList<>();
        try (TestEngine test = settings(steps).open(folder)) {
            List<RecordedGeneration> running = prompts.stream()
                    .map(prompt -> test.submit(greedy(prompt, 24)))
                    .toList();
            for (RecordedGeneration generation : running) {
                generation.awaitFinish(FinishReason.LENGTH);
                answers.add(generation.tokens());
            }
        }
        for (int i = 0; i < prompts.size(); i++) {
            assertThat(answers.get(i)).as("prompt %d", i).isEqualTo(alone(steps, prompts.get(i), 24));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "2:0.5"})
    void aCachedPrefixAnswersAsARecomputedOne(String steps) {
        int[] first = SmallModels.prompt(1, 100, 50);
        int[] second = Arrays.copyOf(first, 150);
        try (TestEngine test = settings(steps).open(folder)) {
            test.submit(greedy(first, 4)).awaitFinish(FinishReason.LENGTH);
            RecordedGeneration turn = test.submit(greedy(second, 12));

            assertThat(turn.awaitFinish(FinishReason.LENGTH).cachedTokens()).isEqualTo(96);
            assertThat(turn.tokens()).isEqualTo(alone(steps, second, 12));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1:0.6,3:0.4", "2:0.5/0.25"})
    void logitsAreTheSameWhereverBlocksAre(String steps) {
        List<List<Step>> resident = follow(steps, Pools.ROOMY);
        List<List<Step>> moved = follow(steps, new Pools(60, 500, null, 2));
        for (int step = 0; step < resident.get(0).size(); step++) {
            assertThat(moved.get(0).get(step).logits())
                    .as("step %d", step)
                    .isEqualTo(resident.get(0).get(step).logits());
        }
    }

    private static List<List<Step>> follow(String steps, Pools pools) {
        try (ModelPass pass = ModelPass.open(folder, "cpu", WeightPrecision.INT8, 400, 1000, BLOCK, 1, pools)) {
            PruneSchedule schedule = new PruneSchedule(BLOCK, 4, BLOCK, BLOCK, PruneSchedule.parseSteps(steps));
            List<List<Step>> followed = pass.follow(
                    List.of(SmallModels.prompt(1, 333, 50)), List.of(schedule), SmallModels.prompt(9, 20, 50), 0.9);
            pass.kv().drain();
            return followed;
        }
    }

    @Test
    void budgetsThatKeepAllAreDense() {
        int[] prompt = SmallModels.prompt(5, 200, 50);

        assertThat(alone("1:200,3:200", prompt, 16)).isEqualTo(alone("", prompt, 16));
    }

    /** The trained model, its shortest questions: every answer begins as the reference implementation's in float32. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void theTinyModelAnswersAsItsReference(int index) {
        Assumptions.assumeTrue(TinyModel.isThere(), "the tiny model is not in this checkout");
        TinyModel.Case golden = TinyModel.cases().stream()
                .sorted(Comparator.comparingInt(other -> other.prompt().length))
                .skip(index)
                .findFirst()
                .orElseThrow();
        int[] expected = golden.dense().greedy();
        try (ModelPass pass = ModelPass.open(
                TinyModel.folder(), "cpu", DType.F32, 0, golden.prompt().length, 1024, WeightPrecision.INT8)) {
            assertThat(pass.run(golden.prompt(), PruneSchedule.dense(), expected.length)
                            .greedy())
                    .isEqualTo(expected);
        }
    }

    /** Random weights of 2, 4 and 8 layers: logits beside those of the unquantised model. */
    @Test
    void theErrorOfLogitsGrowsLessThanTheNumberOfLayers(@TempDir Path temp) {
        List<Double> errors = new ArrayList<>();
        int[] prompt = SmallModels.prompt(3, 100, 500);
        for (int layers : new int[] {2, 4, 8}) {
            Path model = new ModelFolderWriter("llama")
                    .config("hidden_size", "256")
                    .config("intermediate_size", "512")
                    .config("head_dim", "64")
                    .config("vocab_size", "500")
                    .config("num_hidden_layers", String.valueOf(layers))
                    .write(temp.resolve("model-" + layers));
            ModelConfig config;
            try (ModelFolder written = ModelFolder.open(model)) {
                config = written.config();
            }
            errors.add(relativeError(
                    logits(config, prompt, WeightPrecision.INT8), logits(config, prompt, WeightPrecision.BF16)));
        }
        assertThat(errors).allSatisfy(error -> assertThat(error).isBetween(1e-3, 0.08));
        assertThat(errors.get(2)).isLessThan(2 * errors.get(0));
    }

    private static float[] logits(ModelConfig config, int[] prompt, WeightPrecision weights) {
        BackendSettings settings = new BackendSettings(DType.F32, 0).withWeights(weights);
        try (ModelPass pass =
                ModelPass.open(ModelFolder.random("random", config, 1), "cpu", settings, prompt.length, 1024)) {
            return pass.run(prompt, PruneSchedule.dense(), 1).logits();
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
