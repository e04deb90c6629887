package io.sliminfer.engine;

import io.sliminfer.grammar.TokenConstraint;
import java.util.Arrays;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Chooses tokens of one sequence: the constraint's mask, penalties, then the likeliest token or a {@code TokenDraw}. One thread at a time.
 */
public final class Sampler {

    private final Sampling sampling;
    private final SplittableRandom random;
    private final TokenConstraint.@Nullable State constraint;
    private final boolean penalises;
    /** Times each token was generated; null while no penalty needs it. */
    private final int[] generated;
    /** Tokens seen in prompt or answer; null while no penalty needs it. */
    private final boolean[] seen;

    /** A sampler of any tokens. */
    Sampler(Sampling sampling, int[] prompt, int vocabulary) {
        this(sampling, prompt, vocabulary, null, Set.of());
    }

    /**
     * @param prompt     ids that repetition penalties count
     * @param vocabulary number of logits
     * @param constraint which tokens may follow each other, or null for any
     * @param stopIds    ids that end an answer
     */
    public Sampler(
            Sampling sampling,
            int[] prompt,
            int vocabulary,
            @Nullable TokenConstraint constraint,
            Set<Integer> stopIds) {
        this.sampling = sampling;
        this.constraint = constraint == null ? null : constraint.begin(stopIds);
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
     * Whether the token with the largest logit is the next one, and takes it if so. Asked where {@link #needsLogits} is not: if a
     * constraint rules the token out, {@link #next} needs the logits after all.
     */
    boolean takes(int likeliest) {
        if (constraint == null) {
            return true;
        }
        if (!constraint.allows(likeliest)) {
            return false;
        }
        constraint.accept(likeliest);
        return true;
    }

    /** Whether the constraint lets nothing follow, so that the answer ends here. */
    boolean isFinished() {
        return constraint != null && constraint.isFinished();
    }

    /**
     * The next token. Changes {@code logits}.
     *
     * @throws EngineException if a logit is NaN, none is finite, or no token meets the constraint
     */
    public int next(float[] logits) {
        int best = best(logits);
        if (penalises) {
            penalise(logits);
            best = best(logits);
        }
        // A greedy model that follows the format is not asked for a mask: the likeliest of all is the likeliest of the
        // allowed ones.
        if (constraint != null && (sampling.temperature() > 0 || !constraint.allows(best))) {
            mask(logits, constraint.allowed());
            best = best(logits);
        }
        int id = sampling.temperature() == 0 ? best : TokenDraw.draw(logits, best, sampling, random);
        if (constraint != null) {
            constraint.accept(id);
        }
        if (generated.length > 0) {
            generated[id]++;
        }
        if (seen.length > 0) {
            seen[id] = true;
        }
        return id;
    }

    /** The lowest of the ids with the highest logit; refuses logits that are not numbers. */
    private static int best(float[] logits) {
        int best = -1;
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < logits.length; i++) {
            float logit = logits[i];
            if (!(logit <= max)) { // rarely; also where it is not a number
                if (!(logit < Float.POSITIVE_INFINITY)) {
                    throw new EngineException(
                            EngineException.Kind.INVALID_LOGITS,
                            "the logit of token " + i + " is " + logit
                                    + ": the model's weights or activations are not finite in this compute type; try slim-infer.compute-type=f32, or check the model's files");
                }
                max = logit;
                best = i;
            }
        }
        if (best < 0) {
            throw new EngineException(
                    EngineException.Kind.INVALID_LOGITS, "all logits are -Infinity: no token can be chosen");
        }
        return best;
    }

    /** Leaves the allowed tokens their logits. */
    private static void mask(float[] logits, long[] allowed) {
        long some = 0;
        for (int from = 0; from < logits.length; from += 64) {
            long word = from / 64 < allowed.length ? allowed[from / 64] : 0;
            some |= word;
            int to = Math.min(logits.length, from + 64);
            if (word == 0) {
                Arrays.fill(logits, from, to, Float.NEGATIVE_INFINITY);
            } else if (word != -1) {
                for (int i = from; i < to; i++) {
                    logits[i] = (word >>> i & 1) != 0 ? logits[i] : Float.NEGATIVE_INFINITY;
                }
            }
        }
        if (some == 0) {
            throw new EngineException(
                    EngineException.Kind.CONSTRAINT,
                    "the answer cannot go on: no token of the vocabulary continues the format that it must have."
                            + " The tokenizer has no token for a byte that the format needs here; choose another format");
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
}
