package io.sliminfer.cuda;

import io.sliminfer.backend.WeightSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the parts of a packed weight lie in one allocation. Neighbours of one form are one part if all but the last are whole tiles, so
 * that one launch makes their product.
 *
 * @param bytes of the allocation
 */
record PackedLayout(List<PackedPart> parts, long bytes) {

    private static final long ALIGNMENT = 256;

    /**
     * @param forms of the spec's parts
     * @param base  address of the allocation
     */
    static PackedLayout of(WeightSpec spec, List<PackedForm> forms, long base) {
        List<PackedPart> parts = new ArrayList<>();
        long columns = spec.columns();
        long at = base;
        long row = 0;
        for (int i = 0; i < forms.size(); ) {
            PackedForm form = forms.get(i);
            long rows = spec.parts().get(i++).rows();
            while (i < forms.size() && forms.get(i) == form && rows % PackedForm.TILE_ROWS == 0) {
                rows += spec.parts().get(i++).rows();
            }
            long scales = at + aligned(form.bytes(rows, columns));
            long scaleBytes = form.scaleBytes(rows);
            parts.add(new PackedPart(form, row, rows, columns, at, scaleBytes == 0 ? 0 : scales));
            at = scales + aligned(scaleBytes);
            row += rows;
        }
        return new PackedLayout(List.copyOf(parts), at - base);
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** A source's rows: {@code count} from {@code row} on. */
    PackedPart slice(long row, long count) {
        for (PackedPart part : parts) {
            PackedPart slice = part.slice(row, count);
            if (slice != null) {
                return slice;
            }
        }
        throw new IllegalArgumentException("rows " + row + " to " + (row + count) + " are in no part of " + parts);
    }
}
