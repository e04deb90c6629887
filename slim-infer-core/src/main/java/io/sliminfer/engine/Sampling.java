package io.sliminfer.engine;

import org.jspecify.annotations.Nullable;

/**
 * How the next token is chosen from the logits. Applied in this order: penalties, temperature, top-k, top-p, min-p, draw.
 *
 * @param temperature       0 is greedy; otherwise logits are divided by it
 * @param topK              keep the k best, 0 for all
 * @param topP              keep the smallest set of best tokens whose probabilities reach p, 1 for all
 * @param minP              drop tokens less likely than {@code minP} times the best one, 0 for none
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens in prompt or answer, 1 for none
 * @param frequencyPenalty  subtracted from a token's logit once for each time it was generated
 * @param presencePenalty   subtracted from a token's logit if it was generated
 * @param seed              of the draw; null for a different one each time
 */
public record Sampling(
        double temperature,
        int topK,
        double topP,
        double minP,
        double repetitionPenalty,
        double frequencyPenalty,
        double presencePenalty,
        @Nullable Long seed) {

    public static final Sampling GREEDY = new Sampling(0, 0, 1, 0, 1, 0, 0, null);

    public Sampling {
        require(temperature >= 0 && temperature <= 100, "temperature", temperature, "0 (greedy) to 100");
        require(topK >= 0, "top-k", topK, "0 (off) or more");
        require(topP > 0 && topP <= 1, "top-p", topP, "above 0 and at most 1 (off)");
        require(minP >= 0 && minP <= 1, "min-p", minP, "0 (off) to 1");
        require(
                repetitionPenalty > 0 && repetitionPenalty <= 100,
                "repetition-penalty",
                repetitionPenalty,
                "above 0 and at most 100; 1 is off");
        require(Math.abs(frequencyPenalty) <= 100, "frequency-penalty", frequencyPenalty, "-100 to 100; 0 is off");
        require(Math.abs(presencePenalty) <= 100, "presence-penalty", presencePenalty, "-100 to 100; 0 is off");
    }

    private static void require(boolean allowed, String name, Number value, String range) {
        if (!allowed) {
            throw new IllegalArgumentException(name + "=" + value + " is not allowed: use " + range);
        }
    }
}
