package io.sliminfer.engine;

import java.util.Locale;

/**
 * Whether prompts begin with what earlier prompts have left (docs/kv-cache.md).
 *
 * @param reuse       what may be reused
 * @param memoryBytes device memory for hidden rows, which pruned prompts need besides the KV cache; 0 for none, so that only dense
 *                    prompts are served; {@link #CHOOSE} for a share
 */
public record PrefixSettings(Reuse reuse, long memoryBytes) {

    /** The engine chooses: an eighth of the KV cache's memory, at most what two prompts of full length need. */
    public static final long CHOOSE = -1;

    /** What may be reused. */
    public enum Reuse {
        /** What does not depend on the tokens that follow: results are as without. */
        EXACT,
        OFF;

        /**
         * Reads the property's value.
         *
         * @throws IllegalArgumentException if it is none of the two
         */
        public static Reuse parse(String text) {
            return switch (text.strip().toLowerCase(Locale.ROOT)) {
                case "exact" -> EXACT;
                case "off" -> OFF;
                default ->
                    throw new IllegalArgumentException(
                            "slim-infer.prefix-cache.reuse=" + text
                                    + " is not known: use exact (what does not depend on later tokens, so that answers stay the same) or off."
                                    + " Reusing later stages although other blocks were kept would change answers and is not offered");
            };
        }
    }

    public PrefixSettings {
        EngineSettings.require(
                memoryBytes >= CHOOSE, "prefix-cache.memory", memoryBytes, "0 (dense prompts only) or more bytes");
    }

    public static PrefixSettings defaults() {
        return new PrefixSettings(Reuse.EXACT, CHOOSE);
    }

    /** Every prompt is computed from its first token. */
    public static PrefixSettings off() {
        return new PrefixSettings(Reuse.OFF, CHOOSE);
    }
}
