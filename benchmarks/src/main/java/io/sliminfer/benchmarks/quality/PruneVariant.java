package io.sliminfer.benchmarks.quality;

import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import io.sliminfer.prune.UnitAggregation;
import io.sliminfer.spring.SlimInferChatOptions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A way to prune that is compared with dense prefill. What is null is the engine's own.
 *
 * @param schedule steps such as {@code 4:0.5,8:0.25} or {@code 4:p0.9:0.25-1.0}
 */
public record PruneVariant(
        @Nullable String schedule,
        @Nullable Integer block,
        @Nullable Integer unit,
        @Nullable Integer window,
        @Nullable Integer sink,
        @Nullable UnitAggregation aggregation) {

    /** On the command line, the engine's own schedule. */
    public static final String OWN = "default";

    public PruneVariant {
        if (OWN.equals(schedule)) {
            schedule = null;
        }
        // Refuses what is out of range before a model is loaded.
        new PruneSchedule(
                block == null ? PruneSchedule.BLOCK_DEFAULT : block,
                unit == null
                        ? Math.min(PruneSchedule.UNIT_DEFAULT, block == null ? PruneSchedule.BLOCK_DEFAULT : block)
                        : unit,
                window == null ? PruneSchedule.WINDOW_DEFAULT : window,
                sink == null ? PruneSchedule.SINK_DEFAULT : sink,
                PruneSchedule.parseSteps(schedule == null ? "" : schedule));
        if (schedule != null && schedule.isBlank()) {
            throw new IllegalArgumentException("an empty schedule prunes nothing: give steps such as 4:0.5, or " + OWN);
        }
    }

    public static PruneVariant of(String schedule) {
        return new PruneVariant(schedule, null, null, null, null, null);
    }

    /**
     * Whether any of its budgets is a mass.
     *
     * @param own the engine's schedule
     */
    boolean isAdaptive(PruneSchedule own) {
        return steps(own).stream().anyMatch(PruneStep::isAdaptive);
    }

    /**
     * Whether nothing but budgets tells it from another variant.
     *
     * @param own the engine's schedule
     */
    boolean differsOnlyInBudgetsFrom(PruneVariant other, PruneSchedule own) {
        return sizes().equals(other.sizes()) && layers(own).equals(other.layers(own));
    }

    private List<Integer> layers(PruneSchedule own) {
        return steps(own).stream().map(PruneStep::layer).toList();
    }

    private List<PruneStep> steps(PruneSchedule own) {
        return schedule == null ? own.steps() : PruneSchedule.parseSteps(schedule);
    }

    /** Such as {@code 4:0.5,8:0.25 block=32}. */
    public String label() {
        StringBuilder label = new StringBuilder(schedule == null ? OWN : schedule);
        sizes().forEach((name, size) ->
                label.append(' ').append(name).append('=').append(size));
        return label.toString();
    }

    private Map<String, Object> sizes() {
        Map<String, Object> sizes = new LinkedHashMap<>();
        sizes.put("block", block);
        sizes.put("unit", unit);
        sizes.put("window", window);
        sizes.put("sink", sink);
        sizes.put("aggregation", aggregation);
        sizes.values().removeIf(size -> size == null);
        return sizes;
    }

    /** Adds this variant to the options of a request. */
    SlimInferChatOptions.Builder apply(SlimInferChatOptions.Builder options) {
        return options.pruning(true)
                .pruningSchedule(schedule)
                .pruningBlock(block)
                .pruningUnit(unit)
                .pruningWindow(window)
                .pruningSink(sink)
                .pruningAggregation(aggregation);
    }
}
