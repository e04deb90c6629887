package io.sliminfer.format;

import java.util.List;

/**
 * Rotary position embedding as {@code config.json} states it.
 *
 * @param theta base of the frequencies
 */
public record RopeConfig(double theta, Scaling scaling) {

    /** How frequencies are changed for longer contexts. */
    public sealed interface Scaling {}

    public record None() implements Scaling {}

    /** Positions divided by {@code factor}. */
    public record Linear(double factor) implements Scaling {}

    /** Llama 3.1: low frequencies divided by {@code factor}, a ramp between. */
    public record Llama3(double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalMaxPositions)
            implements Scaling {}

    /** Frequencies divided by a number each, one for each pair of a head's dimensions: what GGUF files hold instead of a rule. */
    public record Divisors(List<Float> divisors) implements Scaling {
        public Divisors {
            divisors = List.copyOf(divisors);
        }
    }

    /**
     * YaRN (arXiv 2309.00071) as transformers computes it.
     *
     * @param attentionFactor multiplies cos and sin; already derived from {@code factor} (and {@code mscale} values) where the
     *                        file does not state it
     * @param truncate        whether the correction range is rounded to whole dimensions
     */
    public record Yarn(
            double factor,
            double attentionFactor,
            double betaFast,
            double betaSlow,
            int originalMaxPositions,
            boolean truncate)
            implements Scaling {}
}
