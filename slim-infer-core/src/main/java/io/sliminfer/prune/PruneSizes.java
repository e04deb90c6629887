package io.sliminfer.prune;

import org.jspecify.annotations.Nullable;

/**
 * Sizes and scoring that somebody chose; what is null is left to the schedule that they are applied to.
 *
 * @param block       tokens in a block
 * @param unit        tokens in a unit
 * @param window      last prompt tokens, whose queries score
 * @param sink        first prompt tokens, which are always kept
 * @param aggregation how a block's score follows from those of its units
 */
public record PruneSizes(
        @Nullable Integer block,
        @Nullable Integer unit,
        @Nullable Integer window,
        @Nullable Integer sink,
        @Nullable UnitAggregation aggregation) {

    /** Nothing chosen. */
    public static final PruneSizes NONE = new PruneSizes(null, null, null, null, null);

    /** All of a schedule's. */
    public static PruneSizes of(PruneSchedule schedule) {
        return new PruneSizes(
                schedule.block(), schedule.unit(), schedule.window(), schedule.sink(), schedule.aggregation());
    }

    /**
     * A schedule with these sizes and its own steps.
     *
     * @throws IllegalArgumentException if they do not fit together
     */
    public PruneSchedule over(PruneSchedule schedule) {
        return new PruneSchedule(
                block == null ? schedule.block() : block,
                unit == null ? schedule.unit() : unit,
                window == null ? schedule.window() : window,
                sink == null ? schedule.sink() : sink,
                aggregation == null ? schedule.aggregation() : aggregation,
                schedule.steps());
    }
}
