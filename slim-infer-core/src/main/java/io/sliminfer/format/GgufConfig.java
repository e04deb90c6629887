package io.sliminfer.format;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Reads the metadata of a GGUF file as a model's configuration. What is not supported is refused by key and value. */
final class GgufConfig {

    private static final String ARCHITECTURE = "general.architecture";
    private static final double THETA = 10_000;

    // As in config.json.
    private static final int COLUMNS_MAX = 1 << 20;
    private static final int HEADS_MAX = 1 << 12;
    private static final int HEAD_DIM_MAX = 1 << 12;
    private static final int VOCABULARY_MAX = 1 << 24;

    /** Keys that change the computation and that none of the supported architectures has, with the value that changes nothing. */
    private static final Map<String, Double> FOREIGN = new TreeMap<>(Map.ofEntries(
            Map.entry("expert_count", 0.0),
            Map.entry("attention.scale", Double.NaN),
            Map.entry("attention.clamp_kqv", 0.0),
            Map.entry("attention.temperature_scale", 0.0),
            Map.entry("attention.temperature_length", 0.0),
            Map.entry("attn_logit_softcapping", 0.0),
            Map.entry("final_logit_softcapping", 0.0),
            Map.entry("logit_scale", 1.0),
            Map.entry("residual_scale", 1.0),
            Map.entry("embedding_scale", 1.0),
            Map.entry("rope.scaling.yarn_log_multiplier", 0.0)));

    private final GgufCheckpoint checkpoint;
    private final GgufMetadata metadata;
    private final String architecture;

    private GgufConfig(GgufCheckpoint checkpoint) {
        this.checkpoint = checkpoint;
        this.metadata = checkpoint.metadata();
        this.architecture = architecture(metadata);
    }

    /**
     * @param endOfSequence ids that end an answer
     * @return the configuration; its dtype is a guess until the tensors are known
     * @throws ModelFormatException naming the key, its value and what is supported
     */
    static ModelConfig read(GgufCheckpoint checkpoint, Set<Integer> endOfSequence) {
        return new GgufConfig(checkpoint).read(endOfSequence);
    }

    private static String architecture(GgufMetadata metadata) {
        String name = metadata.text(ARCHITECTURE);
        if (name == null || !List.of("llama", "qwen2", "qwen3").contains(name)) {
            throw metadata.wrong(ARCHITECTURE, "supported are llama (also Mistral), qwen2 and qwen3");
        }
        return name;
    }

    /** Whether rows of Q and K are kept in pairs ({@link RowOrder}). */
    static boolean pairsRows(GgufMetadata metadata) {
        return architecture(metadata).equals("llama");
    }

    static int headDim(GgufMetadata metadata) {
        String prefix = architecture(metadata) + ".";
        int hidden = metadata.integer(prefix + "embedding_length", 1, COLUMNS_MAX);
        int heads = metadata.integerOfLayers(prefix + "attention.head_count", 1, 1, HEADS_MAX);
        String key = prefix + "attention.key_length";
        if (!metadata.has(key) && hidden % heads != 0) {
            throw metadata.wrong(
                    prefix + "embedding_length",
                    "without " + key + " a multiple of attention.head_count=" + heads + " is expected");
        }
        int headDim = metadata.integer(key, hidden / heads, 2, HEAD_DIM_MAX);
        if (headDim % 2 != 0 || headDim == 0 || headDim > HEAD_DIM_MAX) {
            throw metadata.wrong(
                    key,
                    "heads have " + headDim + " dimensions; an even number up to " + HEAD_DIM_MAX
                            + " is expected, because RoPE rotates pairs");
        }
        return headDim;
    }

    private ModelConfig read(Set<Integer> endOfSequence) {
        int headDim = headDim(metadata);
        refuseOthers(headDim);
        int heads = metadata.integerOfLayers(key("attention.head_count"), 0, 1, HEADS_MAX);
        if (heads == 0) {
            throw metadata.wrong(key("attention.head_count"), "a whole number from 1 to " + HEADS_MAX + " is expected");
        }
        int kvHeads = metadata.integerOfLayers(key("attention.head_count_kv"), heads, 1, HEADS_MAX);
        if (heads % kvHeads != 0) {
            throw metadata.wrong(
                    key("attention.head_count_kv"), "attention.head_count=" + heads + " must be a multiple of it");
        }
        return new ModelConfig(
                architecture,
                vocabulary(),
                metadata.integer(key("embedding_length"), 1, COLUMNS_MAX),
                metadata.integerOfLayers(requiredKey("feed_forward_length"), 0, 1, COLUMNS_MAX),
                metadata.integer(key("block_count"), 1, ConfigReader.LAYERS_MAX),
                heads,
                kvHeads,
                headDim,
                normEpsilon(),
                rope(headDim),
                hasBias("self_attn.q_proj"),
                hasBias("self_attn.o_proj"),
                hasBias("mlp.gate_proj"),
                architecture.equals("qwen3"),
                !checkpoint.has(ExpectedTensor.OUTPUT_HEAD),
                positions(),
                endOfSequence,
                DType.F32);
    }

    private String key(String name) {
        return architecture + "." + name;
    }

    private String requiredKey(String name) {
        if (!metadata.has(key(name))) {
            throw metadata.wrong(key(name), "a file of " + architecture + " states it");
        }
        return key(name);
    }

    private int positions() {
        return metadata.integer(key("context_length"), 1, ConfigReader.POSITIONS_MAX);
    }

    /** The table's rows count: lists of tokens are filled up to them. */
    private int vocabulary() {
        if (!checkpoint.has(ExpectedTensor.EMBEDDING)) {
            throw new ModelFormatException(checkpoint.listing() + ": has no tensor token_embd.weight.");
        }
        List<Long> shape = checkpoint.shape(ExpectedTensor.EMBEDDING);
        if (shape.size() != 2 || shape.get(0) > VOCABULARY_MAX) {
            throw new ModelFormatException(checkpoint.place(ExpectedTensor.EMBEDDING) + " has shape " + shape
                    + "; a matrix of at most " + VOCABULARY_MAX + " rows is expected.");
        }
        return shape.get(0).intValue();
    }

    private float normEpsilon() {
        String key = requiredKey("attention.layer_norm_rms_epsilon");
        double epsilon = metadata.number(key, 0);
        if (epsilon <= 0 || epsilon >= 1) {
            throw metadata.wrong(key, "a number between 0 and 1 is expected");
        }
        return (float) epsilon;
    }

    private boolean hasBias(String projection) {
        return checkpoint.has("model.layers.0." + projection + ".bias");
    }

    private void refuseOthers(int headDim) {
        FOREIGN.forEach((name, neutral) -> {
            if (metadata.has(key(name)) && metadata.number(key(name), neutral) != neutral) {
                throw metadata.wrong(key(name), "it is no part of the supported architecture " + architecture);
            }
        });
        if (!metadata.flag(key("attention.causal"), true)) {
            throw metadata.wrong(key("attention.causal"), "supported are causal models only");
        }
        if (metadata.integer(key("attention.value_length"), headDim, 1, HEAD_DIM_MAX) != headDim) {
            throw metadata.wrong(key("attention.value_length"), "supported is the size of keys, " + headDim);
        }
        if (metadata.integer(key("rope.dimension_count"), headDim, 1, HEAD_DIM_MAX) != headDim) {
            throw metadata.wrong(
                    key("rope.dimension_count"), "supported is " + headDim + ": all dimensions of a head are rotated");
        }
        int window = metadata.integer(key("attention.sliding_window"), 0, 0, Integer.MAX_VALUE);
        if (window > 0 && window < positions()) {
            throw metadata.wrong(
                    key("attention.sliding_window"),
                    "sliding windows are not supported; supported is 0, or at least context_length=" + positions());
        }
    }

    private RopeConfig rope(int headDim) {
        double theta = metadata.number(key("rope.freq_base"), THETA);
        if (theta <= 1) {
            throw metadata.wrong(key("rope.freq_base"), "a number above 1 is expected");
        }
        RopeConfig.Scaling stated = statedScaling();
        if (checkpoint.ropeFactors().isEmpty()) {
            return new RopeConfig(theta, stated);
        }
        if (!(stated instanceof RopeConfig.None)) {
            throw metadata.wrong(
                    key("rope.scaling.type"),
                    "beside the tensor " + GgufCheckpoint.ROPE_FACTORS + " supported is none");
        }
        return new RopeConfig(theta, factors(checkpoint.ropeFactors().get(), headDim));
    }

    private RopeConfig.Scaling statedScaling() {
        String type = metadata.text(key("rope.scaling.type"));
        // Older files have one key for all of it.
        String factor =
                metadata.has(key("rope.scaling.factor")) ? key("rope.scaling.factor") : key("rope.scale_linear");
        if (type == null && metadata.has(factor)) {
            type = "linear";
        }
        return switch (type == null ? "none" : type) {
            case "none" -> new RopeConfig.None();
            case "linear" -> new RopeConfig.Linear(positive(factor));
            case "yarn" -> yarn(positive(factor));
            default -> throw metadata.wrong(key("rope.scaling.type"), "supported are none, linear and yarn");
        };
    }

    private double positive(String key) {
        double value = metadata.number(key, 0);
        if (value <= 0) {
            throw metadata.wrong(key, "a number above 0 is expected");
        }
        return value;
    }

    /** As ggml's {@code rope_yarn} computes it (ops.cpp), which is what transformers does with its defaults. */
    private RopeConfig.Scaling yarn(double factor) {
        String extension = key("rope.scaling.yarn_ext_factor");
        double mix = metadata.number(extension, 1);
        if (mix != 1 && mix >= 0) {
            throw metadata.wrong(extension, "supported is 1");
        }
        String attention = metadata.has(key("rope.scaling.attn_factor"))
                ? key("rope.scaling.attn_factor")
                : key("rope.scaling.yarn_attn_factor");
        double statedAttention = metadata.has(attention) ? positive(attention) : 1;
        return new RopeConfig.Yarn(
                factor,
                statedAttention * (factor <= 1 ? 1 : 1 + 0.1 * Math.log(factor)),
                metadata.number(key("rope.scaling.yarn_beta_fast"), 32),
                metadata.number(key("rope.scaling.yarn_beta_slow"), 1),
                metadata.integer(
                        key("rope.scaling.original_context_length"), positions(), 1, ConfigReader.POSITIONS_MAX),
                true);
    }

    private RopeConfig.Scaling factors(TensorSource tensor, int headDim) {
        String name = checkpoint.listing() + ": tensor " + GgufCheckpoint.ROPE_FACTORS;
        if (tensor.rows() != 1 || tensor.columns() != headDim / 2 || tensor.dtype() != DType.F32) {
            throw new ModelFormatException(
                    name + " has " + tensor.rows() + " x " + tensor.columns() + " elements; one float32 for each of "
                            + headDim / 2 + " pairs of a head's dimensions is expected.");
        }
        List<Float> divisors = new ArrayList<>();
        for (int i = 0; i < headDim / 2; i++) {
            float divisor = tensor.rows(0, 1).getFloat(4 * i);
            if (!(divisor > 0) || Float.isInfinite(divisor)) {
                throw new ModelFormatException(name + " holds " + divisor + "; numbers above 0 are expected.");
            }
            divisors.add(divisor);
        }
        return new RopeConfig.Divisors(divisors);
    }
}
