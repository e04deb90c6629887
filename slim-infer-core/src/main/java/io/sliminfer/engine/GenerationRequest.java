package io.sliminfer.engine;

import io.sliminfer.grammar.TokenConstraint;
import io.sliminfer.prune.PruneSchedule;
import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One prompt and how to continue it.
 *
 * @param prompt    token ids, at least one; copied, so that what was checked is what runs
 * @param maxTokens most tokens to generate, at least 1
 * @param stopIds   ids that end the answer and are not part of it
 * @param schedule  null: the engine's own schedule for prompts of its minimum length or more, dense below; otherwise used as it
 *                  is, whatever the prompt's length ({@link PruneSchedule#withoutSteps} for dense)
 * @param prefixReuse whether it may take what an earlier prompt left in the prefix cache; false computes the whole prompt, to measure what it
 *                    costs. It leaves its own part for later prompts either way
 * @param constraint which tokens may follow each other in the answer, or null for any. An answer to which nothing may be added ends
 *                   by itself
 * @param timeout    longest time from submit to the last token, or null for any; then the request fails with {@link
 *                   EngineException.Kind#TIMEOUT}
 */
public record GenerationRequest(
        int[] prompt,
        Sampling sampling,
        int maxTokens,
        Set<Integer> stopIds,
        @Nullable PruneSchedule schedule,
        boolean prefixReuse,
        @Nullable TokenConstraint constraint,
        @Nullable Duration timeout) {

    /** A request that may use the prefix cache, whose answer may be anything. */
    public GenerationRequest(
            int[] prompt, Sampling sampling, int maxTokens, Set<Integer> stopIds, @Nullable PruneSchedule schedule) {
        this(prompt, sampling, maxTokens, stopIds, schedule, true, null, null);
    }

    /** A request whose answer may be anything. */
    public GenerationRequest(
            int[] prompt,
            Sampling sampling,
            int maxTokens,
            Set<Integer> stopIds,
            @Nullable PruneSchedule schedule,
            boolean prefixReuse) {
        this(prompt, sampling, maxTokens, stopIds, schedule, prefixReuse, null, null);
    }

    public GenerationRequest {
        if (prompt.length == 0) {
            throw new IllegalArgumentException("the prompt is empty: give at least one token");
        }
        if (maxTokens < 1) {
            throw new IllegalArgumentException("max-tokens=" + maxTokens + " is not allowed: use 1 or more");
        }
        if (timeout != null && (timeout.isNegative() || timeout.isZero())) {
            throw new IllegalArgumentException(
                    "timeout=" + timeout + " is not allowed: use a time above zero, or none for no limit");
        }
        prompt = prompt.clone();
        stopIds = Set.copyOf(stopIds);
    }

    /** The same with another limit of generated tokens. */
    GenerationRequest withMaxTokens(int limit) {
        return new GenerationRequest(prompt, sampling, limit, stopIds, schedule, prefixReuse, constraint, timeout);
    }
}
