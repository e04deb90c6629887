package io.sliminfer.engine;

import io.sliminfer.prune.PruneSchedule;

/**
 * Pruning of requests that do not bring their own schedule.
 *
 * @param minPromptTokens shorter prompts are prefilled densely: they gain little, and looping answers were seen elsewhere
 */
public record PruneDefaults(PruneSchedule schedule, int minPromptTokens) {

    public static final int MIN_PROMPT_TOKENS_DEFAULT = 1024;

    public PruneDefaults {
        if (minPromptTokens < 0) {
            throw new IllegalArgumentException(
                    "pruning min-prompt-tokens=" + minPromptTokens + " is not allowed: use 0 or more");
        }
    }

    /** The schedule for a prompt of this length. */
    public PruneSchedule scheduleFor(int promptTokens) {
        return promptTokens < minPromptTokens ? schedule.withoutSteps() : schedule;
    }
}
