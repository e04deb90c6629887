package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.Set;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

class ConfigReaderTests {

    private static final JsonMapper MAPPER = new JsonMapper();

    // Expected values are those of the configuration classes in transformers 5.17.
    @ParameterizedTest
    @CsvSource({
        "llama,   32000, 11008, 32, 128,   2048",
        "mistral, 32000, 14336,  8, 128, 131072",
        "qwen2,  151936, 22016, 32, 128,  32768",
        "qwen3,  151936, 22016, 32, 128,  32768"
    })
    void absentFieldsMeanWhatTransformersSays(
            String modelType, int vocabulary, int intermediate, int kvHeads, int headDim, int maxPositions) {
        // Without "sliding_window": null a Mistral model would have a window.
        ModelConfig config = read("{\"model_type\":\"" + modelType + "\",\"sliding_window\":null}");
        assertThat(config.architecture()).isEqualTo(modelType);
        assertThat(config.vocabulary()).isEqualTo(vocabulary);
        assertThat(config.hidden()).isEqualTo(4096);
        assertThat(config.intermediate()).isEqualTo(intermediate);
        assertThat(config.layers()).isEqualTo(32);
        assertThat(config.heads()).isEqualTo(32);
        assertThat(config.kvHeads()).isEqualTo(kvHeads);
        assertThat(config.headDim()).isEqualTo(headDim);
        assertThat(config.maxPositions()).isEqualTo(maxPositions);
        assertThat(config.normEpsilon()).isEqualTo(1e-6f);
        assertThat(config.rope()).isEqualTo(new RopeConfig(10_000, new RopeConfig.None()));
        assertThat(config.tiedEmbeddings()).isFalse();
        assertThat(config.endOfSequence()).isEqualTo(modelType.startsWith("qwen") ? Set.of() : Set.of(2));
        assertThat(config.qkNorm()).isEqualTo(modelType.equals("qwen3"));
        assertThat(config.attentionBias()).isEqualTo(modelType.equals("qwen2"));
        assertThat(config.outputBias()).isFalse();
        assertThat(config.mlpBias()).isFalse();
    }

    @Test
    void nullKvHeadsAreAsManyAsQueryHeads() {
        assertThat(read("{\"model_type\":\"mistral\",\"sliding_window\":null,\"num_key_value_heads\":null}")
                        .kvHeads())
                .isEqualTo(32);
    }

    @Test
    void headDimNeedNotBeHiddenOverHeads() {
        ModelConfig config = read(
                "{\"model_type\":\"llama\",\"hidden_size\":100,\"num_attention_heads\":6,\"num_key_value_heads\":3,\"head_dim\":32}");
        assertThat(config.headDim()).isEqualTo(32);
        assertThat(config.queryColumns()).isEqualTo(192);
        assertThat(config.kvColumns()).isEqualTo(96);
        assertThat(
                        read("{\"model_type\":\"qwen3\",\"hidden_size\":1024,\"num_attention_heads\":16,\"num_key_value_heads\":8}")
                                .headDim())
                .isEqualTo(128);
    }

    @Test
    void biasesFollowTheArchitecture() {
        ModelConfig llama = read("{\"model_type\":\"llama\",\"attention_bias\":true,\"mlp_bias\":true}");
        assertThat(llama.attentionBias()).isTrue();
        assertThat(llama.outputBias()).isTrue();
        assertThat(llama.mlpBias()).isTrue();
        ModelConfig qwen3 = read("{\"model_type\":\"qwen3\",\"attention_bias\":true}");
        assertThat(qwen3.attentionBias()).isTrue();
        assertThat(qwen3.outputBias()).isTrue();
        ModelConfig qwen2 = read("{\"model_type\":\"qwen2\",\"attention_bias\":true}");
        assertThat(qwen2.attentionBias()).isTrue();
        assertThat(qwen2.outputBias()).isFalse();
    }

    @Test
    void endOfSequenceIdsOfBothFilesCount() {
        JsonFields generation = fields("generation_config.json", "{\"eos_token_id\":[7,5]}");
        assertThat(ConfigReader.read(config("{\"model_type\":\"llama\",\"eos_token_id\":5}"), generation)
                        .endOfSequence())
                .containsExactly(5, 7);
        assertThat(ConfigReader.read(config("{\"model_type\":\"llama\",\"eos_token_id\":null}"), generation)
                        .endOfSequence())
                .containsExactly(7, 5);
        assertThat(read("{\"model_type\":\"llama\",\"eos_token_id\":[128001,128008],\"vocab_size\":128256}")
                        .endOfSequence())
                .containsExactly(128001, 128008);
        assertThat(read("{\"model_type\":\"llama\",\"eos_token_id\":null}").endOfSequence())
                .isEmpty();
    }

    @Test
    void endOfSequenceIdsOutsideTheVocabularyAreRefused() {
        assertRefused("{\"model_type\":\"llama\",\"eos_token_id\":32000}")
                .withMessage("config.json: eos_token_id is 32000; an id, or a list of ids, from 0 to 31999 is expected"
                        + " (vocab_size=32000).");
        assertRefused("{\"model_type\":\"llama\",\"eos_token_id\":\"</s>\"}")
                .withMessageContaining("eos_token_id is \"</s>\"");
    }

    @Test
    void sizesOfTheWrongTypeOrRangeAreRefused() {
        assertRefused("{\"model_type\":\"llama\",\"hidden_size\":0}")
                .withMessage("config.json: hidden_size is 0; a whole number from 1 to 1048576 is expected.");
        assertRefused("{\"model_type\":\"llama\",\"num_hidden_layers\":\"32\"}")
                .withMessage("config.json: num_hidden_layers is \"32\"; a whole number from 1 to 4096 is expected.");
        assertRefused("{\"model_type\":\"llama\",\"vocab_size\":99999999999}")
                .withMessageContaining("vocab_size is 99999999999; a whole number from 1 to 16777216");
        assertRefused("{\"model_type\":\"llama\",\"intermediate_size\":-5}")
                .withMessageContaining("intermediate_size is -5");
        assertRefused("{\"model_type\":\"llama\",\"num_attention_heads\":1.5}")
                .withMessageContaining("num_attention_heads is 1.5");
        assertRefused("{\"model_type\":\"llama\",\"max_position_embeddings\":0}")
                .withMessageContaining("max_position_embeddings is 0");
        assertRefused("{\"model_type\":\"llama\",\"tie_word_embeddings\":\"yes\"}")
                .withMessage("config.json: tie_word_embeddings is \"yes\"; true or false is expected.");
        assertRefused("{\"model_type\":\"llama\",\"rms_norm_eps\":0}")
                .withMessage("config.json: rms_norm_eps is 0; a number between 0 and 1 is expected.");
        assertRefused("{\"model_type\":\"llama\",\"rms_norm_eps\":1e999}")
                .withMessageContaining("a finite number is expected");
        assertRefused("{\"model_type\":\"llama\",\"rms_norm_eps\":1" + "0".repeat(400) + "}")
                .withMessageContaining("a finite number is expected");
    }

    @Test
    void headsThatDoNotDivideAreRefused() {
        assertRefused("{\"model_type\":\"llama\",\"num_key_value_heads\":5}")
                .withMessage("config.json: num_key_value_heads is 5; num_attention_heads=32 must be a multiple of it.");
        assertRefused("{\"model_type\":\"mistral\",\"sliding_window\":null,\"num_attention_heads\":4}")
                .withMessageContaining("num_key_value_heads is missing; num_attention_heads=4 must be a multiple of it"
                        + " (absent means 8)");
        assertRefused("{\"model_type\":\"llama\",\"hidden_size\":100,\"num_attention_heads\":6}")
                .withMessage("config.json: hidden_size is 100; without head_dim it must be a multiple of"
                        + " num_attention_heads=6.");
        assertRefused("{\"model_type\":\"llama\",\"head_dim\":33}")
                .withMessage("config.json: head_dim is 33; an even number up to 4096 is expected, because RoPE rotates"
                        + " pairs.");
        assertRefused("{\"model_type\":\"llama\",\"hidden_size\":96,\"num_attention_heads\":32}")
                .withMessageContaining("hidden_size is 96; with num_attention_heads=32 a head has 3 dimensions");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{\"model_type\":null}"})
    void aMissingModelTypeNamesTheSupportedOnes(String json) {
        assertRefused(json).withMessageEndingWith("; supported are llama, mistral, qwen2, qwen3.");
    }

    @Test
    void anotherArchitectureIsRefused() {
        assertRefused("{\"model_type\":\"gemma3_text\"}")
                .withMessage("config.json: model_type is \"gemma3_text\"; supported are llama, mistral, qwen2, qwen3.");
        assertRefused("{\"model_type\":7}").withMessageContaining("model_type is 7; a string is expected");
        assertRefused("{\"model_type\":\"llama\",\"architectures\":[\"Qwen2ForCausalLM\"]}")
                .withMessage(
                        "config.json: architectures is [\"Qwen2ForCausalLM\"]; model_type \"llama\" is supported as"
                                + " LlamaForCausalLM only.");
        assertRefused("{\"model_type\":\"qwen3\",\"architectures\":[\"Qwen3ForSequenceClassification\"]}")
                .withMessageContaining("Qwen3ForCausalLM only");
        read("{\"model_type\":\"llama\",\"architectures\":[\"LLaMAForCausalLM\"]}");
        read("{\"model_type\":\"llama\",\"architectures\":[]}");
    }

    static ModelConfig read(String json) {
        return ConfigReader.read(config(json), null);
    }

    static JsonFields config(String json) {
        return fields("config.json", json);
    }

    static ThrowableAssertAlternative<ModelFormatException> assertRefused(String json) {
        return assertThatExceptionOfType(ModelFormatException.class).isThrownBy(() -> read(json));
    }

    private static JsonFields fields(String file, String json) {
        return new JsonFields(file, "", MAPPER.readTree(json));
    }
}
