package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFolderTests {

    @TempDir
    Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"llama", "mistral", "qwen2", "qwen3"})
    void opensEveryArchitecture(String modelType) {
        Path path = new ModelFolderWriter(modelType).write(folder());
        try (ModelFolder folder = ModelFolder.open(path)) {
            assertThat(folder.path()).isEqualTo(path.toAbsolutePath().normalize());
            assertThat(folder.name()).isEqualTo("model");
            assertThat(folder.config().architecture()).isEqualTo(modelType);
            assertThat(folder.config().endOfSequence()).containsExactly(2);
            assertThat(folder.hasTensor("model.layers.1.self_attn.q_norm.weight"))
                    .isEqualTo(modelType.equals("qwen3"));
            assertThat(folder.hasTensor("model.layers.1.self_attn.k_proj.bias")).isEqualTo(modelType.equals("qwen2"));
            TensorSource down = folder.tensor("model.layers.1.mlp.down_proj.weight");
            assertThat(down.rows()).isEqualTo(16);
            assertThat(down.columns()).isEqualTo(24);
            assertThat(folder.generationDefaults()).isEqualTo(GenerationDefaults.NONE);
            assertThat(folder.tokenizer()).isEmpty();
            assertThat(folder.chatTemplate()).isEmpty();
            assertThat(folder.specialTokens()).isEmpty();
        }
    }

    @Test
    void aSnapshotOfAHubsCacheIsCalledByItsModel(@TempDir Path cache) {
        Path snapshot = cache.resolve("models--acme--Tiny-1B/snapshots/0123456789abcdef0123456789abcdef01234567");
        try (ModelFolder folder = ModelFolder.open(new ModelFolderWriter("llama").write(snapshot))) {
            assertThat(folder.name()).isEqualTo("acme/Tiny-1B");
        }
    }

    @Test
    void closingTwiceIsAllowed() {
        ModelFolder folder = ModelFolder.open(new ModelFolderWriter("llama").write(folder()));
        folder.close();
        folder.close();
        assertThat(folder.name()).isEqualTo("model");
    }

    @Test
    void countsTheWeightsThatAreUsed() {
        // Embedding and head 2 * 32 * 16, layers 2 * (2 * 16 * 16 + 2 * 8 * 16 + 3 * 24 * 16 + 2 * 16), last norm 16.
        int untied = 2 * 512 + 2 * (512 + 256 + 1152 + 32) + 16;
        try (ModelFolder folder = ModelFolder.open(new ModelFolderWriter("llama").write(folder()))) {
            assertThat(folder.parameters()).isEqualTo(untied);
        }
        Path tied = temp.resolve("tied");
        try (ModelFolder folder = ModelFolder.open(new ModelFolderWriter("llama")
                .config("tie_word_embeddings", "true")
                .write(tied))) {
            assertThat(folder.parameters()).isEqualTo(untied - 512);
            assertThat(folder.hasTensor("lm_head.weight")).isFalse();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void theDTypeIsThatOfTheTensors(DType dtype) {
        ModelFolderWriter writer = new ModelFolderWriter("llama")
                .config("torch_dtype", "\"float64\"")
                .dtype(dtype)
                .tensors(tensors -> tensors.addRandom("model.norm.weight", DType.F32, 1, 1, 16));
        try (ModelFolder folder = ModelFolder.open(writer.write(folder()))) {
            assertThat(folder.config().dtype()).isEqualTo(dtype);
            assertThat(folder.tensor("model.norm.weight").dtype()).isEqualTo(DType.F32);
        }
    }

    @Test
    void opensShards() {
        Path path = new ModelFolderWriter("qwen2").shards(3).write(folder());
        assertThat(path.resolve("model-00003-of-00003.safetensors")).exists();
        try (ModelFolder folder = ModelFolder.open(path)) {
            assertThat(folder.tensor("model.embed_tokens.weight").rows()).isEqualTo(32);
            assertThat(folder.tensor("lm_head.weight").rows(31, 32).remaining()).isEqualTo(64);
        }
    }

    @Test
    void aTiedHeadThatIsStoredTooCountsOnlyIfItDiffers() {
        ModelFolderWriter writer = new ModelFolderWriter("llama").config("tie_word_embeddings", "true");
        // The writer seeds tensors by their place: the embedding table is number 0.
        Path same = writer.tensors(tensors -> tensors.addRandom("lm_head.weight", DType.F32, 0, 0.2f, 32, 16))
                .write(temp.resolve("same"));
        Path different = writer.tensors(tensors -> tensors.addRandom("lm_head.weight", DType.F32, 1, 0.2f, 32, 16))
                .write(temp.resolve("different"));
        Path wrong = writer.tensors(tensors -> tensors.addRandom("lm_head.weight", DType.F32, 1, 0.2f, 31, 16))
                .write(temp.resolve("wrong"));
        try (ModelFolder folder = ModelFolder.open(same)) {
            assertThat(folder.config().tiedEmbeddings()).isTrue();
        }
        try (ModelFolder folder = ModelFolder.open(different)) {
            assertThat(folder.config().tiedEmbeddings()).isFalse();
        }
        assertRefused(wrong)
                .withMessageContaining("tensor lm_head.weight has shape [31, 16]; config.json says [32, 16]");
    }

    @Test
    void aFolderThatIsNoneIsNamed() throws IOException {
        assertRefused(temp.resolve("nowhere"))
                .withMessage(temp.resolve("nowhere") + " does not exist; the folder of a model is expected, with"
                        + " config.json, model.safetensors and tokenizer.json, or a GGUF file.");
        Path file = Files.writeString(temp.resolve("file"), "");
        assertRefused(file).withMessageStartingWith(file + " is a file; the folder of a model is expected");
    }

    @Test
    void aMissingOrBrokenConfigIsNamed() throws IOException {
        Path path = new ModelFolderWriter("llama").write(folder());
        Path config = path.resolve("config.json");
        Files.delete(config);
        assertRefused(path).withMessage("config.json is missing in " + path + ".");
        Files.writeString(config, "{\"model_type\": \"llama\",\n \"hidden_size\": }");
        assertRefused(path)
                .withMessageStartingWith("config.json: is not valid JSON: ")
                .withMessageContaining("(line 2, column 17)");
        Files.writeString(config, "");
        assertRefused(path).withMessage("config.json: holds no JSON object.");
        Files.writeString(config, "[1]");
        assertRefused(path).withMessage("config.json: holds no JSON object.");
        Files.writeString(config, "{\"a\":" + "[".repeat(1000));
        assertRefused(path).withMessageContaining("nesting");
        Files.writeString(config, " ".repeat((16 << 20) + 1));
        assertRefused(path).withMessage("config.json: has 16777217 bytes; at most 16777216 are allowed.");
    }

    @Test
    void unsupportedModelsAreRefusedBeforeWeightsAreLookedAt() {
        Path path = new ModelFolderWriter("llama")
                .config("quantization_config", "{\"bits\":4}")
                .writeConfig(folder());
        assertRefused(path).withMessageContaining("quantization_config is {\"bits\":4}");
    }

    @Test
    void aMissingTensorIsNamed() {
        Path path = new ModelFolderWriter("llama")
                .tensors(tensors -> tensors.remove("model.layers.1.mlp.up_proj.weight"))
                .write(folder());
        assertRefused(path)
                .withMessage(
                        "model.safetensors: tensor model.layers.1.mlp.up_proj.weight is missing; config.json asks for"
                                + " it with shape [24, 16] (intermediate_size=24, hidden_size=16).");
        new ModelFolderWriter("llama").config("num_hidden_layers", "3").writeConfig(path);
        assertRefused(path).withMessageContaining("tensor model.layers.1.mlp.up_proj.weight is missing (and 9 more)");
    }

    @Test
    void anUntiedHeadMustBeThere() {
        Path path = new ModelFolderWriter("llama")
                .tensors(tensors -> tensors.remove("lm_head.weight"))
                .write(folder());
        assertRefused(path)
                .withMessageContaining("tensor lm_head.weight is missing")
                .withMessageContaining("tie_word_embeddings=false");
    }

    @Test
    void biasesMustBeThere() {
        Path path = new ModelFolderWriter("llama").write(folder());
        new ModelFolderWriter("llama").config("attention_bias", "true").writeConfig(path);
        assertRefused(path)
                .withMessageContaining("tensor model.layers.0.self_attn.q_proj.bias is missing (and 7 more)");
    }

    @Test
    void aWrongShapeNamesBothShapes() {
        Path path = new ModelFolderWriter("llama").write(folder());
        new ModelFolderWriter("llama").config("intermediate_size", "32").writeConfig(path);
        assertRefused(path)
                .withMessage(
                        "model.safetensors: tensor model.layers.0.mlp.gate_proj.weight has shape [24, 16]; config.json"
                                + " says [32, 16] (intermediate_size=32, hidden_size=16).");
        new ModelFolderWriter("llama").config("num_key_value_heads", "4").writeConfig(path);
        assertRefused(path)
                .withMessageContaining(
                        "tensor model.layers.0.self_attn.k_proj.weight has shape [8, 16]; config.json says"
                                + " [16, 16] (num_key_value_heads=4, head_dim=4, hidden_size=16).");
    }

    @Test
    void aTransposedVectorIsAWrongShape() {
        Path path = new ModelFolderWriter("llama")
                .tensors(tensors -> tensors.addRandom("model.norm.weight", DType.F32, 1, 1, 1, 16))
                .write(folder());
        assertRefused(path)
                .withMessage("model.safetensors: tensor model.norm.weight has shape [1, 16]; config.json says [16]"
                        + " (hidden_size=16).");
    }

    @Test
    void aWrongDTypeIsRefused() {
        Path path = new ModelFolderWriter("llama")
                .tensors(tensors -> tensors.add("model.norm.weight", DType.I32, new long[] {16}, new float[16]))
                .write(folder());
        assertRefused(path)
                .withMessage(
                        "model.safetensors: tensor model.norm.weight has dtype I32; supported are F32, F16 and BF16.");
    }

    @Test
    void tensorsWithoutAPlaceAreLeftAside() {
        Path path = new ModelFolderWriter("llama")
                .tensors(
                        tensors -> tensors.addRandom("model.layers.0.self_attn.rotary_emb.inv_freq", DType.F32, 1, 1, 2)
                                .addRandom("model.layers.7.stray", DType.F32, 1, 1, 2))
                .write(folder());
        try (ModelFolder folder = ModelFolder.open(path)) {
            assertThat(folder.tensor("model.layers.7.stray").columns()).isEqualTo(2);
            assertThatExceptionOfType(ModelFormatException.class)
                    .isThrownBy(() -> folder.tensor("model.layers.8.stray"))
                    .withMessage("model.safetensors: has no tensor model.layers.8.stray.");
        }
    }

    @Test
    void readsGenerationDefaults() {
        Path path = new ModelFolderWriter("llama")
                .file(
                        "generation_config.json",
                        "{\"do_sample\":true,\"temperature\":0.6,\"top_k\":20,\"top_p\":0.95,\"min_p\":0.05,"
                                + "\"repetition_penalty\":1.05,\"max_new_tokens\":512,\"eos_token_id\":[3,2]}")
                .write(folder());
        try (ModelFolder folder = ModelFolder.open(path)) {
            assertThat(folder.generationDefaults())
                    .isEqualTo(new GenerationDefaults(true, 0.6, 20, 0.95, 0.05, 1.05, 512));
            assertThat(folder.config().endOfSequence()).isEqualTo(Set.of(2, 3));
        }
    }

    @Test
    void generationDefaultsOutOfRangeAreRefused() {
        assertGenerationRefused("{\"top_p\":1.5}")
                .withMessage("generation_config.json: top_p is 1.5; a number from 0 to 1 is expected.");
        assertGenerationRefused("{\"temperature\":-1}").withMessageContaining("temperature is -1; a number 0 or more");
        assertGenerationRefused("{\"repetition_penalty\":0}").withMessageContaining("a number above 0 is expected");
        assertGenerationRefused("{\"top_k\":0.5}").withMessageContaining("top_k is 0.5; a whole number from 0");
        assertGenerationRefused("{\"eos_token_id\":32}")
                .withMessageStartingWith("generation_config.json: eos_token_id is 32;");
        assertGenerationRefused("{").withMessageStartingWith("generation_config.json: is not valid JSON");
    }

    private ThrowableAssertAlternative<ModelFormatException> assertGenerationRefused(String json) {
        return assertRefused(new ModelFolderWriter("llama")
                .file("generation_config.json", json)
                .write(folder()));
    }

    @Test
    void findsTokenizerTemplateAndTokens() {
        Path path = new ModelFolderWriter("llama")
                .file("tokenizer.json", "{}")
                .file(
                        "tokenizer_config.json",
                        "{\"chat_template\":\"{{ x }}\",\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\"},"
                                + "\"pad_token\":null,\"model_max_length\":1000000000000000019884624838656}")
                .write(folder());
        try (ModelFolder folder = ModelFolder.open(path)) {
            assertThat(folder.tokenizer().orElseThrow().name())
                    .isEqualTo(path.resolve("tokenizer.json").toString());
            assertThat(folder.chatTemplate()).contains("{{ x }}");
            assertThat(folder.specialTokens()).isEqualTo(Map.of("bos_token", "<s>", "eos_token", "</s>"));
        }
    }

    private Path folder() {
        return temp.resolve("model");
    }

    private static ThrowableAssertAlternative<ModelFormatException> assertRefused(Path folder) {
        return assertThatExceptionOfType(ModelFormatException.class).isThrownBy(() -> ModelFolder.open(folder));
    }
}
