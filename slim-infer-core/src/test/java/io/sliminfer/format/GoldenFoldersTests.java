package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.golden.GoldenCases;
import io.sliminfer.golden.TinyModel;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GoldenFoldersTests {

    private static final RopeConfig PLAIN_MILLION = new RopeConfig(1_000_000, new RopeConfig.None());

    // Written down from the README and the config.json files by hand.
    private static final Map<String, ModelConfig> EXPECTED = Map.of(
            "llama-linear", config("llama", 32, new RopeConfig(10_000, new RopeConfig.Linear(4)), false, false),
            "llama-rope-llama3",
                    config("llama", 32, new RopeConfig(500_000, new RopeConfig.Llama3(8, 1, 4, 256)), false, false),
            "llama-tied", config("llama", 32, new RopeConfig(10_000, new RopeConfig.None()), false, true),
            "mistral", config("mistral", 32, PLAIN_MILLION, false, false),
            "qwen2", config("qwen2", 32, PLAIN_MILLION, true, false),
            "qwen2-yarn",
                    config(
                            "qwen2",
                            32,
                            new RopeConfig(1_000_000, new RopeConfig.Yarn(4, 0.1 * Math.log(4) + 1, 32, 1, 512, true)),
                            true,
                            false),
            "qwen3", config("qwen3", 48, PLAIN_MILLION, false, true));

    static Stream<GoldenCases.Model> models() {
        return GoldenCases.models().stream();
    }

    @ParameterizedTest
    @MethodSource("models")
    void opensAndMatchesItsReferenceFile(GoldenCases.Model model) {
        try (ModelFolder folder = ModelFolder.open(model.folder())) {
            ModelConfig config = folder.config();
            // Another folder given by -Dgolden.dir may hold other models.
            ModelConfig expected = EXPECTED.get(model.name());
            if (expected != null && System.getProperty("golden.dir", "").isBlank()) {
                assertThat(config).isEqualTo(expected);
            }
            assertThat(Arrays.stream(model.prompt())).allMatch(id -> id >= 0 && id < config.vocabulary());
            assertThat(model.denseLogits()).hasDimensions(model.positions().length, config.vocabulary());
            assertThat(model.pruned()).isNotEmpty().allSatisfy(run -> {
                assertThat(run.firstLogits()).hasSize(config.vocabulary());
                assertThat(run.greedy()).hasSameSizeAs(model.denseGreedy());
                assertThat(run.kept()).hasSameSizeAs(run.schedule().steps());
                run.schedule().requireLayers(config.layers());
            });
        }
    }

    @Test
    void allSevenArchitecturesAreThere() {
        Assumptions.assumeTrue(System.getProperty("golden.dir", "").isBlank(), "another folder is given");
        assertThat(GoldenCases.models())
                .extracting(GoldenCases.Model::name)
                .containsExactlyInAnyOrderElementsOf(EXPECTED.keySet());
    }

    @Test
    void opensTheShardsOfTheTinyModel() {
        Assumptions.assumeTrue(TinyModel.isThere(), "the tiny model is not in this checkout");
        try (ModelFolder folder = ModelFolder.open(TinyModel.folder())) {
            assertThat(folder.config())
                    .isEqualTo(new ModelConfig(
                            "llama",
                            8192,
                            512,
                            768,
                            12,
                            8,
                            2,
                            64,
                            1e-5f,
                            new RopeConfig(500_000, new RopeConfig.None()),
                            false,
                            false,
                            false,
                            false,
                            true,
                            16_384,
                            Set.of(1, 4),
                            DType.BF16));
            // 52,454,400 bytes of bf16, says the index.
            assertThat(folder.parameters()).isEqualTo(52_454_400 / 2);
            assertThat(folder.specialTokens()).containsEntry("eos_token", "<|eot_id|>");
            assertThat(folder.chatTemplate())
                    .hasValueSatisfying(template -> assertThat(template).startsWith("{{- bos_token }}"));
            assertThat(folder.tokenizer()).isPresent();
            assertThat(folder.generationDefaults().doSample()).isFalse();
        }
    }

    @Test
    void readsTheCasesOfTheTinyModel() {
        Assumptions.assumeTrue(TinyModel.isThere(), "the tiny model is not in this checkout");
        assertThat(TinyModel.cases()).hasSize(15).allSatisfy(question -> {
            assertThat(question.prompt()).hasSizeBetween(18, 16_384);
            assertThat(question.dense().firstTop5()).hasSize(5);
            assertThat(question.dense().greedy()[0])
                    .isEqualTo(question.dense().firstTop5().get(0).token());
            assertThat(question.pruned()).hasSize(3).allSatisfy(run -> {
                assertThat(run.kept()).hasSameSizeAs(run.budgets());
                assertThat(run.answer().text()).isNotBlank();
            });
        });
        assertThat(TinyModel.examples()).hasSize(36).allSatisfy(example -> {
            assertThat(example.messages()).isNotEmpty();
            assertThat(example.expected()).isNotEmpty();
        });
    }

    private static ModelConfig config(
            String architecture, int headDim, RopeConfig rope, boolean attentionBias, boolean tiedEmbeddings) {
        return new ModelConfig(
                architecture,
                384,
                128,
                192,
                8,
                4,
                2,
                headDim,
                1e-5f,
                rope,
                attentionBias,
                false,
                false,
                architecture.equals("qwen3"),
                tiedEmbeddings,
                4096,
                Set.of(2),
                DType.BF16);
    }
}
