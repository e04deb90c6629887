package io.sliminfer.format;

import static io.sliminfer.format.ConfigReaderTests.assertRefused;
import static io.sliminfer.format.ConfigReaderTests.read;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UnsupportedFieldsTests {

    @Test
    void quantisedCheckpointsAreRefused() {
        assertRefused("{\"model_type\":\"llama\",\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":4}}")
                .withMessage("config.json: quantization_config is {\"quant_method\":\"gptq\",\"bits\":4}; quantised"
                        + " checkpoints are not supported: use the one with F32, F16 or BF16 weights.");
        assertRefused("{\"model_type\":\"llama\",\"compression_config\":{}}")
                .withMessageContaining("compression_config is {}");
        assertThat(read("{\"model_type\":\"llama\",\"quantization_config\":null}"))
                .isNotNull();
    }

    @Test
    void otherActivationsAreRefused() {
        assertRefused("{\"model_type\":\"llama\",\"hidden_act\":\"gelu\"}")
                .withMessage("config.json: hidden_act is \"gelu\"; supported is silu.");
        assertThat(read("{\"model_type\":\"llama\",\"hidden_act\":\"silu\"}")).isNotNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"attn_logit_softcapping\":50.0",
                "\"final_logit_softcapping\":30.0",
                "\"query_pre_attn_scalar\":224",
                "\"embedding_multiplier\":12.0",
                "\"residual_multiplier\":0.22",
                "\"logits_scaling\":8.0",
                "\"num_local_experts\":8",
                "\"num_experts\":128",
                "\"no_rope_layers\":[1,1,0]",
                "\"attention_chunk_size\":8192",
                "\"per_layer_config\":{}"
            })
    void fieldsOfOtherArchitecturesAreRefused(String field) {
        String name = field.substring(1, field.indexOf('"', 1));
        assertRefused("{\"model_type\":\"llama\"," + field + "}")
                .withMessageStartingWith("config.json: " + name + " is ")
                .withMessageEndingWith("; it is no part of the supported architecture llama.");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"attn_logit_softcapping\":null",
                "\"num_experts\":0",
                "\"residual_multiplier\":1.0",
                "\"pretraining_tp\":2",
                "\"partial_rotary_factor\":1.0",
                "\"use_cache\":true"
            })
    void fieldsThatChangeNothingAreAllowed(String field) {
        assertThat(read("{\"model_type\":\"llama\"," + field + "}")).isNotNull();
    }

    @Test
    void partialRotationAndEncodersAreRefused() {
        assertRefused("{\"model_type\":\"llama\",\"partial_rotary_factor\":0.5}")
                .withMessage("config.json: partial_rotary_factor is 0.5; supported is 1: all dimensions of a head are"
                        + " rotated.");
        assertRefused("{\"model_type\":\"llama\",\"is_encoder_decoder\":true}").withMessageContaining("decoders only");
    }

    @Test
    void biasesWithoutAPlaceAreRefused() {
        assertRefused("{\"model_type\":\"qwen3\",\"mlp_bias\":true}")
                .withMessage("config.json: mlp_bias is true; qwen3 has no bias there.");
        assertRefused("{\"model_type\":\"mistral\",\"attention_bias\":true}")
                .withMessage("config.json: attention_bias is true; mistral has no bias there.");
    }

    @Test
    void aMistralWindowInUseIsRefused() {
        assertRefused("{\"model_type\":\"mistral\",\"sliding_window\":4096,\"max_position_embeddings\":32768}")
                .withMessage(
                        "config.json: sliding_window is 4096; sliding windows are not supported; supported is null,"
                                + " or at least max_position_embeddings=32768.");
        assertRefused("{\"model_type\":\"mistral\",\"max_position_embeddings\":32768}")
                .withMessageContaining("sliding_window is missing")
                .withMessageContaining("(absent means 4096 to transformers)");
    }

    @Test
    void aMistralWindowThatNoPromptReachesIsAllowed() {
        assertThat(read("{\"model_type\":\"mistral\",\"sliding_window\":4096,\"max_position_embeddings\":4096}"))
                .isNotNull();
        assertThat(read("{\"model_type\":\"mistral\",\"sliding_window\":null}")).isNotNull();
        assertThat(read("{\"model_type\":\"mistral\",\"max_position_embeddings\":4096}"))
                .isNotNull();
    }

    @Test
    void aQwenWindowCountsOnlyWhereItIsSwitchedOn() {
        String window = "{\"model_type\":\"qwen2\",\"sliding_window\":4096,\"use_sliding_window\":";
        assertThat(read(window + "false}")).isNotNull();
        assertRefused(window + "true}")
                .withMessageContaining("sliding_window is 4096; sliding windows are not supported");
        assertThat(read(window + "true,\"max_window_layers\":32}")).isNotNull();
        assertThat(read(window + "true,\"max_position_embeddings\":4096}")).isNotNull();
        assertRefused("{\"model_type\":\"qwen3\",\"use_sliding_window\":true}")
                .withMessageContaining("sliding_window is missing");
        assertThat(read("{\"model_type\":\"qwen3\",\"use_sliding_window\":true,\"sliding_window\":null}"))
                .isNotNull();
    }

    @Test
    void aLlamaWindowIsRefused() {
        assertRefused("{\"model_type\":\"llama\",\"sliding_window\":1024}")
                .withMessageContaining("sliding_window is 1024");
        assertThat(read("{\"model_type\":\"llama\",\"sliding_window\":1024,\"use_sliding_window\":false}"))
                .isNotNull();
    }

    @Test
    void layersOfOtherTypesAreRefused() {
        String layers = "{\"model_type\":\"qwen2\",\"num_hidden_layers\":2,\"layer_types\":";
        assertRefused(layers + "[\"full_attention\",\"sliding_attention\"]}")
                .withMessage("config.json: layer_types is [\"full_attention\",\"sliding_attention\"]; supported is"
                        + " full_attention in all layers.");
        assertRefused(layers + "[\"full_attention\"]}")
                .withMessageContaining("one entry for each of num_hidden_layers=2 is expected");
        assertRefused(layers + "\"full_attention\"}").withMessageContaining("a list of strings is expected");
        assertThat(read(layers + "[\"full_attention\",\"full_attention\"]}")).isNotNull();
    }
}
