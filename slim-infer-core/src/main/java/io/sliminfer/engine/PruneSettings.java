package io.sliminfer.engine;

import io.sliminfer.format.CalibrationFile;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFormatException;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneSizes;
import io.sliminfer.prune.PruneStep;
import java.util.List;
import java.util.Optional;

/**
 * Pruning as it is configured, before the model is known.
 *
 * @param source          where the steps come from
 * @param steps           of {@link Source#EXPLICIT}; none means dense
 * @param sizes           what was chosen of block, unit, window, sink and aggregation; the rest is the calibrated file's, or the default
 * @param minPromptTokens shorter prompts are prefilled densely
 */
public record PruneSettings(Source source, List<PruneStep> steps, PruneSizes sizes, int minPromptTokens) {

    /** Where a schedule's steps come from. */
    public enum Source {
        /** {@code slim-infer.json} of the model folder if there is one, else {@link DefaultSchedule}. */
        AUTO,
        /** {@code slim-infer.json} of the model folder, which has to be there. */
        CALIBRATED,
        /** The settings themselves. */
        EXPLICIT
    }

    public PruneSettings {
        steps = List.copyOf(steps);
        if (source != Source.EXPLICIT && !steps.isEmpty()) {
            throw new IllegalArgumentException(
                    "a schedule of source " + source + " brings its own steps; given: " + steps);
        }
        // Refuses what is out of range. With a file's sizes they may fit differently, which resolve() finds.
        new PruneDefaults(sizes.over(PruneSchedule.dense()).withSteps(steps), minPromptTokens);
    }

    /** Default sizes, calibrated steps or those by depth. */
    public static PruneSettings defaults() {
        return auto(PruneSizes.NONE, PruneDefaults.MIN_PROMPT_TOKENS_DEFAULT);
    }

    /** The model folder's calibrated schedule if there is one, else by depth. */
    public static PruneSettings auto(PruneSizes sizes, int minPromptTokens) {
        return new PruneSettings(Source.AUTO, List.of(), sizes, minPromptTokens);
    }

    /** The model folder's calibrated schedule. */
    public static PruneSettings calibrated(PruneSizes sizes, int minPromptTokens) {
        return new PruneSettings(Source.CALIBRATED, List.of(), sizes, minPromptTokens);
    }

    /** Exactly the given schedule; without steps, dense. */
    public static PruneSettings of(PruneSchedule schedule, int minPromptTokens) {
        return new PruneSettings(Source.EXPLICIT, schedule.steps(), PruneSizes.of(schedule), minPromptTokens);
    }

    /**
     * For a model.
     *
     * @throws ModelFormatException if the folder's calibration cannot be used
     * @throws IllegalArgumentException if there has to be one and there is none, or the sizes do not fit it
     */
    PruneDefaults resolve(ModelFolder folder) {
        if (source == Source.EXPLICIT) {
            return new PruneDefaults(
                    sizes.over(PruneSchedule.dense()).withSteps(steps), minPromptTokens, PruneDefaults.Origin.EXPLICIT);
        }
        Optional<CalibrationFile> file = CalibrationFile.find(folder);
        if (file.isPresent()) {
            return new PruneDefaults(calibrated(file.get()), minPromptTokens, PruneDefaults.Origin.CALIBRATED);
        }
        if (source == Source.CALIBRATED) {
            throw new IllegalArgumentException(
                    "slim-infer.pruning.schedule=calibrated, but " + folder.path() + " has no "
                            + CalibrationFile.NAME
                            + ". Make one with the calibrate command of slim-infer-benchmarks.jar, or use auto");
        }
        return new PruneDefaults(
                DefaultSchedule.of(folder.config().layers(), sizes.over(PruneSchedule.dense())),
                minPromptTokens,
                PruneDefaults.Origin.BY_DEPTH);
    }

    private PruneSchedule calibrated(CalibrationFile calibration) {
        try {
            return sizes.over(calibration.schedule());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "the slim-infer.pruning sizes " + sizes + " do not fit " + CalibrationFile.NAME + " with "
                            + PruneSizes.of(calibration.schedule()) + ": " + e.getMessage(),
                    e);
        }
    }
}
