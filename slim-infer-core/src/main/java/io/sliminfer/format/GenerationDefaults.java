package io.sliminfer.format;

import org.jspecify.annotations.Nullable;

/**
 * How a model's authors want it sampled: {@code generation_config.json}. A value that the file does not state is null.
 *
 * @param doSample          false: greedy
 * @param temperature       0 or more
 * @param topK              0 or more; 0 means no limit
 * @param topP              0..1
 * @param minP              0..1
 * @param repetitionPenalty above 0; 1 means none
 * @param maxNewTokens      1 or more
 */
public record GenerationDefaults(
        @Nullable Boolean doSample,
        @Nullable Double temperature,
        @Nullable Integer topK,
        @Nullable Double topP,
        @Nullable Double minP,
        @Nullable Double repetitionPenalty,
        @Nullable Integer maxNewTokens) {

    /** Of a folder without the file. */
    public static final GenerationDefaults NONE = new GenerationDefaults(null, null, null, null, null, null, null);

    static GenerationDefaults read(JsonFields fields) {
        return new GenerationDefaults(
                fields.has("do_sample") ? fields.flag("do_sample", false) : null,
                number(fields, "temperature", 0, 1000, "0 or more"),
                fields.has("top_k") ? fields.integer("top_k", 0, 0, Integer.MAX_VALUE) : null,
                number(fields, "top_p", 0, 1, "from 0 to 1"),
                number(fields, "min_p", 0, 1, "from 0 to 1"),
                number(fields, "repetition_penalty", Double.MIN_VALUE, 1000, "above 0"),
                fields.has("max_new_tokens") ? fields.integer("max_new_tokens", 0, 1, Integer.MAX_VALUE) : null);
    }

    private static @Nullable Double number(JsonFields fields, String name, double min, double max, String range) {
        if (!fields.has(name)) {
            return null;
        }
        double value = fields.number(name, min);
        if (value < min || value > max) {
            throw fields.wrong(name, "a number " + range + " is expected");
        }
        return value;
    }
}
