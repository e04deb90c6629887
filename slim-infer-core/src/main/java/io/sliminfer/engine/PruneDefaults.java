package io.sliminfer.engine;

import io.sliminfer.prune.PruneSchedule;

/**
 * Pruning of requests that do not bring their own schedule.
 *
 * @param minPromptTokens shorter prompts are prefilled densely: they gain little, and looping answers were seen elsewhere
 * @param origin          where the schedule comes from
 */
public record PruneDefaults(PruneSchedule schedule, int minPromptTokens, Origin origin) {

    public static final int MIN_PROMPT_TOKENS_DEFAULT = 2048;

    /** Where a schedule comes from. */
    public enum Origin {
        BY_DEPTH("default by depth"),
        CALIBRATED("calibrated: slim-infer.json"),
        EXPLICIT("as configured");

        private final String text;

        Origin(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    public PruneDefaults {
        if (minPromptTokens < 0) {
            throw new IllegalArgumentException(
                    "pruning min-prompt-tokens=" + minPromptTokens + " is not allowed: use 0 or more");
        }
    }

    /** A schedule that was given as it is. */
    public PruneDefaults(PruneSchedule schedule, int minPromptTokens) {
        this(schedule, minPromptTokens, Origin.EXPLICIT);
    }

    /** The schedule for a prompt of this length. */
    public PruneSchedule scheduleFor(int promptTokens) {
        return promptTokens < minPromptTokens ? schedule.withoutSteps() : schedule;
    }
}
