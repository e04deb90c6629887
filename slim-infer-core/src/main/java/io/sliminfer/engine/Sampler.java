package io.sliminfer.engine;

import io.sliminfer.grammar.TokenConstraint;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Chooses tokens of one sequence: the constraint's mask, penalties, then the likeliest token or a {@link TokenDraw}. Engine thread only.
 */
final class Sampler {

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

    Sampler(
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
    int next(float[] logits) {
        requireNumbers(logits);
        if (penalises) {
            penalise(logits);
        }
        int id;
        if (sampling.temperature() == 0) {
            id = best(logits);
            // A model that follows the format is not asked for a mask: the likeliest of all is the likeliest of the
            // allowed ones.
            if (constraint != null && !constraint.allows(id)) {
                mask(logits, constraint.allowed());
                id = best(logits);
            }
        } else {
            if (constraint != null) {
                mask(logits, constraint.allowed());
            }
            id = TokenDraw.draw(logits, sampling, random);
        }
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

    /** Leaves the allowed tokens their logits. */
    private static void mask(float[] logits, long[] allowed) {
        float max = Float.NEGATIVE_INFINITY;
        boolean some = false;
        for (int from = 0; from < logits.length; from += 64) {
            long word = from / 64 < allowed.length ? allowed[from / 64] : 0;
            some |= word != 0;
            int to = Math.min(logits.length, from + 64);
            for (int i = from; i < to; i++) {
                float logit = (word >>> i & 1) != 0 ? logits[i] : Float.NEGATIVE_INFINITY;
                logits[i] = logit;
                max = Math.max(max, logit);
            }
        }
        if (!some) {
            throw new EngineException(
                    EngineException.Kind.CONSTRAINT,
                    "the answer cannot go on: no token of the vocabulary continues the format that it must have."
                            + " The tokenizer has no token for a byte that the format needs here; choose another format");
        }
        if (max == Float.NEGATIVE_INFINITY) {
            throw new EngineException(
                    EngineException.Kind.INVALID_LOGITS,
                    "all logits of tokens that continue the answer's format are -Infinity: no token can be chosen");
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
}
