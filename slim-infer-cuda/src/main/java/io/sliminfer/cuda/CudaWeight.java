package io.sliminfer.cuda;

import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightForm;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A weight on the device, or a table in pinned host memory that the device reads row by row.
 *
 * @param address of the first element: compute dtype, or float32 for a gain; 0 if packed
 * @param bias    address of a float32 vector of {@code rows} elements, or 0
 * @param parts   of a packed weight, stacked by rows; empty of others
 */
record CudaWeight(
        String name,
        long rows,
        long columns,
        long bytes,
        long address,
        long bias,
        List<PackedPart> parts,
        WeightForm form)
        implements Weight {

    boolean isPacked() {
        return !parts.isEmpty();
    }

    /** Rows in one form, or null if they are in several parts, or begin within a tile of one. */
    @Nullable
    PackedPart slice(long row, long count) {
        for (PackedPart part : parts) {
            if (part.holds(row, count)) {
                return part.slice(row, count);
            }
        }
        return null;
    }
}
