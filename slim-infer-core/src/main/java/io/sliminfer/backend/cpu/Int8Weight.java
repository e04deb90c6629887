package io.sliminfer.backend.cpu;

import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightForm;
import io.sliminfer.backend.WeightForm.Cache;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A weight in 8 bits with a scale for each output, cut into panels of outputs that a core's cache holds.
 *
 * @param padded  columns, rounded up to whole blocks; weights beyond {@code columns} are 0
 * @param packed  the panels, and what keeps them
 * @param bias    of all outputs, or null
 * @param lookups the rows as their file has them, where they are looked up too; else null
 * @param cache   whether the panels come from a cache
 */
record Int8Weight(
        String name,
        long rows,
        long columns,
        int padded,
        long bytes,
        Int8Panels packed,
        float @Nullable [] bias,
        @Nullable MappedWeight lookups,
        Cache cache)
        implements Weight {

    @Override
    public WeightForm form() {
        return new WeightForm("int8", packed.loss(), null, cache);
    }

    List<Panel> panels() {
        return packed.panels();
    }

    /**
     * Some outputs.
     *
     * @param outputs  how many there are, rounded up to whole blocks
     * @param weights  address of the packed weights
     * @param scales   address of a float32 for each output
     * @param offsets  address of the float32 that an input of all zeros would otherwise come to
     * @param segments which outputs they are: one run, or the gates and as many "up" outputs after them
     */
    record Panel(int outputs, long weights, long scales, long offsets, List<Segment> segments) {}

    /**
     * Neighbouring outputs.
     *
     * @param local first one in the panel
     * @param row   first one in the weight
     */
    record Segment(int local, long row, int count) {}
}
