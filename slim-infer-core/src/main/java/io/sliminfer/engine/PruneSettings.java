package io.sliminfer.engine;

import io.sliminfer.prune.PruneSchedule;

/**
 * Pruning as it is configured, before the model's depth is known.
 *
 * @param schedule        sizes and steps
 * @param stepsByDepth    whether the steps are chosen by {@link DefaultSchedule}; the schedule has none of its own then
 * @param minPromptTokens shorter prompts are prefilled densely
 */
public record PruneSettings(PruneSchedule schedule, boolean stepsByDepth, int minPromptTokens) {

    public PruneSettings {
        if (stepsByDepth && !schedule.steps().isEmpty()) {
            throw new IllegalArgumentException("steps by depth are asked for, but the schedule has steps: " + schedule);
        }
        new PruneDefaults(schedule, minPromptTokens); // refuses what is out of range
    }

    /** Default sizes, steps by depth. */
    public static PruneSettings defaults() {
        return byDepth(PruneSchedule.dense(), PruneDefaults.MIN_PROMPT_TOKENS_DEFAULT);
    }

    /** The given sizes, steps by depth. */
    public static PruneSettings byDepth(PruneSchedule sizes, int minPromptTokens) {
        return new PruneSettings(sizes, true, minPromptTokens);
    }

    /** Exactly the given schedule; without steps, dense. */
    public static PruneSettings of(PruneSchedule schedule, int minPromptTokens) {
        return new PruneSettings(schedule, false, minPromptTokens);
    }

    /** For a model of this many layers. */
    PruneDefaults resolve(int modelLayers) {
        return new PruneDefaults(stepsByDepth ? DefaultSchedule.of(modelLayers, schedule) : schedule, minPromptTokens);
    }
}
