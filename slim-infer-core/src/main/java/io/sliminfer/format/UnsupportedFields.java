package io.sliminfer.format;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/**
 * Refuses what the forward pass would otherwise leave out without a word: quantised weights, sliding windows, other activations,
 * and fields of related architectures that a checkpoint may carry under a supported {@code model_type}.
 */
final class UnsupportedFields {

    /** Fields that change the computation and that none of the supported architectures has, with the value that changes nothing. */
    private static final Map<String, Double> FOREIGN = new TreeMap<>(Map.ofEntries(
            Map.entry("attn_logit_softcapping", 0.0),
            Map.entry("final_logit_softcapping", 0.0),
            Map.entry("query_pre_attn_scalar", Double.NaN),
            Map.entry("attention_chunk_size", Double.NaN),
            Map.entry("attention_multiplier", Double.NaN),
            Map.entry("embedding_multiplier", 1.0),
            Map.entry("residual_multiplier", 1.0),
            Map.entry("logits_scaling", 1.0),
            Map.entry("logit_scale", 1.0),
            Map.entry("clip_qkv", Double.NaN),
            Map.entry("no_rope_layers", Double.NaN),
            Map.entry("num_local_experts", 0.0),
            Map.entry("num_experts", 0.0),
            Map.entry("n_routed_experts", 0.0),
            Map.entry("per_layer_config", Double.NaN)));

    private final Architecture architecture;
    private final JsonFields config;

    private UnsupportedFields(Architecture architecture, JsonFields config) {
        this.architecture = architecture;
        this.config = config;
    }

    /**
     * @throws ModelFormatException naming the field, its value and what is supported
     */
    static void refuse(Architecture architecture, JsonFields config) {
        UnsupportedFields fields = new UnsupportedFields(architecture, config);
        fields.refuseQuantised();
        fields.refuseForeign();
        fields.refuseBiases();
        fields.refuseSlidingWindow();
    }

    private void refuseQuantised() {
        for (String name : List.of("quantization_config", "compression_config")) {
            if (config.has(name)) {
                throw config.wrong(
                        name, "quantised checkpoints are not supported: use the one with F32, F16 or BF16 weights");
            }
        }
    }

    private void refuseForeign() {
        String activation = config.text("hidden_act");
        if (activation != null && !activation.equals("silu") && !activation.equals("swish")) {
            throw config.wrong("hidden_act", "supported is silu");
        }
        FOREIGN.forEach((name, neutral) -> {
            JsonNode value = config.get(name);
            if (config.has(name) && !(value.isNumber() && value.asDouble(Double.NaN) == neutral)) {
                throw config.wrong(name, "it is no part of the supported architecture " + architecture.modelType);
            }
        });
        if (config.flag("is_encoder_decoder", false)) {
            throw config.wrong("is_encoder_decoder", "supported are decoders only");
        }
        if (config.number("partial_rotary_factor", 1) != 1) {
            throw config.wrong("partial_rotary_factor", "supported is 1: all dimensions of a head are rotated");
        }
    }

    /** Bias flags that the architecture has no place for; transformers would ignore them. */
    private void refuseBiases() {
        if (architecture != Architecture.LLAMA && config.flag("mlp_bias", false)) {
            throw config.wrong("mlp_bias", architecture.modelType + " has no bias there");
        }
        if (architecture == Architecture.MISTRAL && config.flag("attention_bias", false)) {
            throw config.wrong("attention_bias", architecture.modelType + " has no bias there");
        }
    }

    private void refuseSlidingWindow() {
        int layers = config.integer("num_hidden_layers", Architecture.LAYERS, 1, ConfigReader.LAYERS_MAX);
        if (config.has("layer_types")) {
            List<String> types = config.texts("layer_types");
            if (!types.stream().allMatch("full_attention"::equals)) {
                throw config.wrong("layer_types", "supported is full_attention in all layers");
            }
            if (types.size() != layers) {
                throw config.wrong("layer_types", "one entry for each of num_hidden_layers=" + layers + " is expected");
            }
        }
        if (!mayWindowBeInUse(layers)) {
            return;
        }
        // An absent window is the class's default; null says that there is none.
        int absent = config.states("sliding_window") || architecture == Architecture.LLAMA
                ? Integer.MAX_VALUE
                : Architecture.SLIDING_WINDOW;
        int window = config.integer("sliding_window", absent, 1, Integer.MAX_VALUE);
        int positions =
                config.integer("max_position_embeddings", architecture.maxPositions, 1, ConfigReader.POSITIONS_MAX);
        if (window < positions) {
            throw config.wrong(
                    "sliding_window",
                    "sliding windows are not supported; supported is null, or at least max_position_embeddings="
                            + positions
                            + (config.has("sliding_window")
                                    ? ""
                                    : " (absent means " + Architecture.SLIDING_WINDOW + " to transformers)"));
        }
    }

    private boolean mayWindowBeInUse(int layers) {
        return switch (architecture) {
            case MISTRAL -> true;
            // Llama has no window, but a converted checkpoint that states one was trained with it.
            case LLAMA -> config.flag("use_sliding_window", true);
            case QWEN2, QWEN3 ->
                config.flag("use_sliding_window", false)
                        && !config.has("layer_types")
                        && config.integer("max_window_layers", Architecture.MAX_WINDOW_LAYERS, 0, Integer.MAX_VALUE)
                                < layers;
        };
    }
}
