package io.sliminfer.engine;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Chooses tokens of one sequence. Greedy without penalties is one pass over the logits; everything else works on a copy of the
 * few candidates that are left. Engine thread only.
 */
final class Sampler {

    private final Sampling sampling;
    private final SplittableRandom random;
    private final boolean penalises;
    /** Times each token was generated; null while no penalty needs it. */
    private final int[] generated;
    /** Tokens seen in prompt or answer; null while no penalty needs it. */
    private final boolean[] seen;

    Sampler(Sampling sampling, int[] prompt, int vocabulary) {
        this.sampling = sampling;
        this.random = sampling.seed() == null ? new SplittableRandom() : new SplittableRandom(sampling.seed());
        boolean counts = sampling.frequencyPenalty() != 0 || sampling.presencePenalty() != 0;
        boolean repeats = sampling.repetitionPenalty() != 1;
        this.penalises = counts || repeats;
        this.generated = counts ? new int[vocabulary] : new int[0];
        this.seen = repeats ? new boolean[vocabulary] : new boolean[0];
        for (int id : repeats ? prompt : new int[0]) {
            seen[id] = true;
        }
    }

    /** Whether the token is anything but the index of the largest logit, so that {@link #next} needs them all. */
    boolean needsLogits() {
        return sampling.temperature() != 0 || penalises;
    }

    /**
     * The next token. Changes {@code logits}.
     *
     * @throws EngineException if a logit is NaN, or none is finite
     */
    int next(float[] logits) {
        requireNumbers(logits);
        if (penalises) {
            penalise(logits);
        }
        int id = sampling.temperature() == 0 ? best(logits) : draw(logits);
        if (generated.length > 0) {
            generated[id]++;
        }
        if (seen.length > 0) {
            seen[id] = true;
        }
        return id;
    }

    private static void requireNumbers(float[] logits) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < logits.length; i++) {
            float logit = logits[i];
            if (Float.isNaN(logit) || logit == Float.POSITIVE_INFINITY) {
                throw new EngineException(
                        EngineException.Kind.INVALID_LOGITS,
                        "the logit of token " + i + " is " + logit
                                + ": the model's weights or activations are not finite in this compute type; try slim-infer.compute-type=f32, or check the model's files");
            }
            max = Math.max(max, logit);
        }
        if (max == Float.NEGATIVE_INFINITY) {
            throw new EngineException(
                    EngineException.Kind.INVALID_LOGITS, "all logits are -Infinity: no token can be chosen");
        }
    }

    private void penalise(float[] logits) {
        for (int i = 0; i < seen.length; i++) {
            if (seen[i]) {
                logits[i] = (float)
                        (logits[i] > 0
                                ? logits[i] / sampling.repetitionPenalty()
                                : logits[i] * sampling.repetitionPenalty());
            }
        }
        for (int i = 0; i < generated.length; i++) {
            if (generated[i] > 0) {
                logits[i] -= (float) (generated[i] * sampling.frequencyPenalty() + sampling.presencePenalty());
            }
        }
    }

    /** The lowest of the ids with the highest logit. */
    private static int best(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }

    private int draw(float[] logits) {
        double max = logits[best(logits)];
        // Tokens that even with every filter off have no chance worth a double: e^-80 of the best.
        double floor = max - 80 * sampling.temperature();
        long[] candidates = new long[logits.length];
        int count = 0;
        for (int i = 0; i < logits.length; i++) {
            if (logits[i] >= floor) {
                candidates[count++] = sortKey(logits[i], i);
            }
        }
        Arrays.sort(candidates, 0, count);
        if (sampling.topK() > 0) {
            count = Math.min(count, sampling.topK());
        }
        double[] weights = new double[count];
        double sum = 0;
        for (int i = 0; i < count; i++) {
            weights[i] = Math.exp((logits[id(candidates[i])] - max) / sampling.temperature());
            sum += weights[i];
        }
        count = nucleus(weights, count, sum);
        while (count > 1 && weights[count - 1] < sampling.minP() * weights[0]) {
            count--;
        }
        double total = 0;
        for (int i = 0; i < count; i++) {
            total += weights[i];
        }
        double point = random.nextDouble() * total;
        for (int i = 0; i < count; i++) {
            point -= weights[i];
            if (point < 0) {
                return id(candidates[i]);
            }
        }
        return id(candidates[count - 1]);
    }

    /** Candidates in the smallest set of best ones that holds {@code topP} of the mass. */
    private int nucleus(double[] weights, int count, double sum) {
        double mass = 0;
        for (int i = 0; i < count; i++) {
            mass += weights[i];
            if (mass >= sampling.topP() * sum) {
                return i + 1;
            }
        }
        return count;
    }

    /** Sorts by falling logit, then by rising id: the float's bits in an order that integers have, inverted, above the id. */
    private static long sortKey(float logit, int id) {
        int bits = Float.floatToIntBits(logit);
        int ordered = bits ^ ((bits >> 31) & 0x7fffffff);
        return ((long) ~ordered << 32) | id;
    }

    private static int id(long sortKey) {
        return (int) sortKey;
    }
}
