package io.sliminfer.format;

import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Reads and checks {@code config.json}. What is not supported is refused here, before any tensor is looked at. */
final class ConfigReader {

    // Limits far above every published model, low enough that products of two sizes stay within an int.
    static final int LAYERS_MAX = 4096;
    static final int POSITIONS_MAX = 1 << 28;
    private static final int VOCABULARY_MAX = 1 << 24;
    private static final int COLUMNS_MAX = 1 << 20;
    private static final int HEADS_MAX = 1 << 12;
    private static final int HEAD_DIM_MAX = 1 << 12;

    private final JsonFields config;
    private final Architecture architecture;

    private ConfigReader(JsonFields config, Architecture architecture) {
        this.config = config;
        this.architecture = architecture;
    }

    /**
     * @param generation {@code generation_config.json}, if there is one
     * @return the configuration; its dtype is a guess until the tensors are known
     * @throws ModelFormatException naming the field, its value and what is supported
     */
    static ModelConfig read(JsonFields config, @Nullable JsonFields generation) {
        Architecture architecture = Architecture.of(config);
        UnsupportedFields.refuse(architecture, config);
        return new ConfigReader(config, architecture).read(generation);
    }

    private ModelConfig read(@Nullable JsonFields generation) {
        int vocabulary = config.integer("vocab_size", architecture.vocabulary, 1, VOCABULARY_MAX);
        int hidden = config.integer("hidden_size", Architecture.HIDDEN, 1, COLUMNS_MAX);
        int heads = config.integer("num_attention_heads", Architecture.HEADS, 1, HEADS_MAX);
        int maxPositions = config.integer("max_position_embeddings", architecture.maxPositions, 1, POSITIONS_MAX);
        boolean llama = architecture == Architecture.LLAMA;
        boolean statedBias = config.flag("attention_bias", false);
        return new ModelConfig(
                architecture.modelType,
                vocabulary,
                hidden,
                config.integer("intermediate_size", architecture.intermediate, 1, COLUMNS_MAX),
                config.integer("num_hidden_layers", Architecture.LAYERS, 1, LAYERS_MAX),
                heads,
                kvHeads(heads),
                headDim(hidden, heads),
                normEpsilon(),
                RopeReader.read(config, maxPositions),
                architecture == Architecture.QWEN2 || statedBias,
                architecture != Architecture.QWEN2 && statedBias,
                llama && config.flag("mlp_bias", false),
                architecture == Architecture.QWEN3,
                config.flag("tie_word_embeddings", false),
                maxPositions,
                endOfSequence(generation, vocabulary),
                DType.F32);
    }

    private int kvHeads(int heads) {
        // Null means one for each query head; an absent field means the class's default.
        int absent =
                config.states("num_key_value_heads") || architecture.kvHeads == null ? heads : architecture.kvHeads;
        int kvHeads = config.integer("num_key_value_heads", absent, 1, HEADS_MAX);
        if (heads % kvHeads != 0) {
            throw config.wrong(
                    "num_key_value_heads",
                    "num_attention_heads=" + heads + " must be a multiple of it"
                            + (config.states("num_key_value_heads") ? "" : " (absent means " + kvHeads + ")"));
        }
        return kvHeads;
    }

    private int headDim(int hidden, int heads) {
        if (!config.has("head_dim") && architecture.headDim == null && hidden % heads != 0) {
            throw config.wrong("hidden_size", "without head_dim it must be a multiple of num_attention_heads=" + heads);
        }
        int absent = architecture.headDim == null ? hidden / heads : architecture.headDim;
        int headDim = config.integer("head_dim", absent, 2, HEAD_DIM_MAX);
        if (headDim % 2 != 0 || headDim == 0 || headDim > HEAD_DIM_MAX) {
            String rule = "an even number up to " + HEAD_DIM_MAX + " is expected, because RoPE rotates pairs";
            throw config.has("head_dim")
                    ? config.wrong("head_dim", rule)
                    : config.wrong(
                            "hidden_size",
                            "with num_attention_heads=" + heads + " a head has " + headDim + " dimensions, and "
                                    + rule);
        }
        return headDim;
    }

    private float normEpsilon() {
        double epsilon = config.number("rms_norm_eps", Architecture.NORM_EPSILON);
        if (epsilon <= 0 || epsilon >= 1) {
            throw config.wrong("rms_norm_eps", "a number between 0 and 1 is expected");
        }
        return (float) epsilon;
    }

    /** Ids of both files; the class's default only counts where neither states any. */
    private Set<Integer> endOfSequence(@Nullable JsonFields generation, int vocabulary) {
        Set<Integer> ids = new LinkedHashSet<>();
        addIds(config, vocabulary, ids);
        if (generation != null) {
            addIds(generation, vocabulary, ids);
        }
        if (ids.isEmpty() && architecture.endOfSequence != null && !config.states("eos_token_id")) {
            ids.add(architecture.endOfSequence);
        }
        return Collections.unmodifiableSet(ids);
    }

    private static void addIds(JsonFields fields, int vocabulary, Set<Integer> ids) {
        if (!fields.has("eos_token_id")) {
            return;
        }
        JsonNode value = fields.get("eos_token_id");
        for (JsonNode id : value.isArray() ? value : List.of(value)) {
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0 || id.intValue() >= vocabulary) {
                throw fields.wrong(
                        "eos_token_id",
                        "an id, or a list of ids, from 0 to " + (vocabulary - 1) + " is expected (vocab_size="
                                + vocabulary + ")");
            }
            ids.add(id.intValue());
        }
    }
}
