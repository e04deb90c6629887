package io.sliminfer.format;

import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;

/**
 * Reads the rotary embedding: {@code rope_parameters} of transformers 5, or {@code rope_theta} with {@code rope_scaling} of
 * older checkpoints, whose type is named {@code rope_type} or {@code type}. Defaults and precedence are those of
 * transformers 5 ({@code modeling_rope_utils.py}).
 */
final class RopeReader {

    private static final Logger LOGGER = LoggerFactory.getLogger(RopeReader.class);

    private static final double THETA = 10_000;

    private static final Set<String> KNOWN = Set.of(
            "rope_type",
            "type",
            "rope_theta",
            "partial_rotary_factor",
            "factor",
            "low_freq_factor",
            "high_freq_factor",
            "original_max_position_embeddings",
            "attention_factor",
            "beta_fast",
            "beta_slow",
            "mscale",
            "mscale_all_dim",
            "truncate");

    private final JsonFields config;
    private final JsonFields rope;
    private final int maxPositions;

    private RopeReader(JsonFields config, JsonFields rope, int maxPositions) {
        this.config = config;
        this.rope = rope;
        this.maxPositions = maxPositions;
    }

    /**
     * @throws ModelFormatException if the type is not supported or a value makes no sense
     */
    static RopeConfig read(JsonFields config, int maxPositions) {
        // transformers lets a non-empty rope_scaling win over rope_parameters.
        JsonFields scaling = config.object("rope_scaling");
        JsonFields rope = scaling != null && !scaling.isEmpty() ? scaling : config.object("rope_parameters");
        return new RopeReader(config, rope == null ? config : rope, maxPositions).read(rope != null);
    }

    private RopeConfig read(boolean hasObject) {
        if (!hasObject) {
            return new RopeConfig(theta(), new RopeConfig.None());
        }
        for (Map.Entry<String, JsonNode> field : rope.fields()) {
            if (field.getValue().isObject()) {
                throw rope.wrong(field.getKey(), "rotary embeddings that differ by layer are not supported");
            }
            if (!KNOWN.contains(field.getKey())) {
                LOGGER.warn(
                        "{}: {} is not used: transformers knows no such field either",
                        config.file(),
                        rope.path(field.getKey()));
            }
        }
        if (rope.number("partial_rotary_factor", 1) != 1) {
            throw rope.wrong("partial_rotary_factor", "supported is 1: all dimensions of a head are rotated");
        }
        String typeField = rope.has("rope_type") || !rope.has("type") ? "rope_type" : "type";
        String type = rope.text(typeField);
        RopeConfig.Scaling scaling =
                switch (type == null ? "default" : type) {
                    case "default" -> new RopeConfig.None();
                    case "linear" -> new RopeConfig.Linear(positive("factor"));
                    case "llama3" -> llama3();
                    case "yarn" -> yarn();
                    default -> throw rope.wrong(typeField, "supported are default, linear, llama3 and yarn");
                };
        return new RopeConfig(theta(), scaling);
    }

    private double theta() {
        JsonFields holder = rope.has("rope_theta") ? rope : config;
        double theta = holder.number("rope_theta", THETA);
        if (theta <= 1) {
            throw holder.wrong("rope_theta", "a number above 1 is expected");
        }
        return theta;
    }

    private RopeConfig.Scaling llama3() {
        double low = positive("low_freq_factor");
        double high = positive("high_freq_factor");
        if (high <= low) {
            throw rope.wrong("high_freq_factor", "a number above low_freq_factor=" + low + " is expected");
        }
        return new RopeConfig.Llama3(positive("factor"), low, high, originalMaxPositions());
    }

    private RopeConfig.Scaling yarn() {
        int originalMaxPositions = originalMaxPositions();
        // A factor of null is the ratio of the two lengths; an absent one is an error, also in transformers.
        double factor = rope.states("factor") && !rope.has("factor")
                ? (double) maxPositions / originalMaxPositions
                : positive("factor");
        double attentionFactor =
                rope.has("attention_factor") ? positive("attention_factor") : yarnAttentionFactor(factor);
        boolean truncate = rope.flag("truncate", !rope.states("truncate"));
        return new RopeConfig.Yarn(
                factor,
                attentionFactor,
                numberUnlessZero("beta_fast", 32),
                numberUnlessZero("beta_slow", 1),
                originalMaxPositions,
                truncate);
    }

    private double yarnAttentionFactor(double factor) {
        double mscale = numberUnlessZero("mscale", 0);
        double mscaleAllDim = numberUnlessZero("mscale_all_dim", 0);
        return mscale != 0 && mscaleAllDim != 0
                ? magnitude(factor, mscale) / magnitude(factor, mscaleAllDim)
                : magnitude(factor, 1);
    }

    /** YaRN, arXiv 2309.00071, equation 22: attention gets sharper with the square of this. */
    private static double magnitude(double factor, double mscale) {
        return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }

    /** A field at the top of config.json wins, then the one of the rope object, then the model's length. */
    private int originalMaxPositions() {
        String name = "original_max_position_embeddings";
        int inner = rope.integer(name, maxPositions, 1, ConfigReader.POSITIONS_MAX);
        return config.integer(name, inner, 1, ConfigReader.POSITIONS_MAX);
    }

    private double positive(String name) {
        double value = rope.number(name, 0);
        if (value <= 0) {
            throw rope.wrong(name, "a number above 0 is expected");
        }
        return value;
    }

    /** Python's {@code get(name) or standard}: zero counts as absent. */
    private double numberUnlessZero(String name, double standard) {
        return rope.number(name, 0) == 0 ? standard : positive(name);
    }
}
