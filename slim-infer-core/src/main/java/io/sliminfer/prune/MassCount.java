package io.sliminfer.prune;

import java.util.Arrays;

/**
 * How many candidates a decision with a mass budget keeps, once their scores are known ({@code docs/algorithm.md}, Mass budgets).
 *
 * @param mass share of the candidates' scores that those kept must hold, above 0 and below 1
 * @param min  the floor's number of candidates
 * @param max  the ceiling's number of candidates, above {@code min}
 */
public record MassCount(double mass, int min, int max) {

    public MassCount {
        if (!(mass > 0 && mass < 1) || min < 0 || max <= min) {
            throw new IllegalArgumentException(
                    "a mass of " + mass + " over " + min + " to " + max + " candidates leaves nothing to count");
        }
    }

    /**
     * The fewest of the best candidates whose scores sum to the mass, within the limits. Sums are float64 in falling order of the
     * scores, so the result depends on the scores alone, not on their order.
     *
     * @param scores of all candidates, at least {@code max}; not negative
     */
    public int of(float[] scores) {
        float[] rising = scores.clone();
        Arrays.sort(rising);
        double total = 0;
        for (int i = rising.length - 1; i >= 0; i--) {
            total += rising[i];
        }
        if (!Double.isFinite(total)) {
            return max; // shares of it mean nothing, and the logits will not be numbers either
        }
        int count = 0;
        for (double sum = 0; count < max && sum < mass * total; count++) {
            sum += rising[rising.length - 1 - count];
        }
        return Math.max(min, count);
    }
}
