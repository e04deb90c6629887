package io.sliminfer.cuda;

import org.jspecify.annotations.Nullable;

/**
 * Rows of a weight in one form, from a tile's first row on.
 *
 * @param firstRow in the weight
 * @param address  of the first tile
 * @param scales   address of float32 scales of the rows, 0 where the form has its own
 */
record PackedPart(PackedForm form, long firstRow, long rows, long columns, long address, long scales) {

    /** Whether {@link #slice} can begin here. */
    boolean holds(long row, long count) {
        return row >= firstRow && row + count <= firstRow + rows && (row - firstRow) % PackedForm.TILE_ROWS == 0;
    }

    /** Rows {@code row .. row + count - 1} of the weight, or null if they are not all here or begin within a tile. */
    @Nullable
    PackedPart slice(long row, long count) {
        if (!holds(row, count)) {
            return null;
        }
        long skipped = row - firstRow;
        return new PackedPart(
                form,
                row,
                count,
                columns,
                address + skipped / PackedForm.TILE_ROWS * form.tileBytes(columns),
                scales == 0 ? 0 : scales + skipped * Float.BYTES);
    }
}
