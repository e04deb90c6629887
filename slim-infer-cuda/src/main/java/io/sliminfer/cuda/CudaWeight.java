package io.sliminfer.cuda;

import io.sliminfer.backend.Weight;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A weight on the device, or a table in pinned host memory that the device reads row by row.
 *
 * @param address of the first element: compute dtype, or float32 for a gain; 0 if packed
 * @param bias    address of a float32 vector of {@code rows} elements, or 0
 * @param parts   of a packed weight, stacked by rows; empty of others
 */
record CudaWeight(String name, long rows, long columns, long bytes, long address, long bias, List<PackedPart> parts)
        implements Weight {

    /** In compute dtype, or a gain. */
    static CudaWeight dense(String name, long rows, long columns, long bytes, long address, long bias) {
        return new CudaWeight(name, rows, columns, bytes, address, bias, List.of());
    }

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
