package io.sliminfer.backend.cpu;

import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightForm;
import io.sliminfer.format.ChannelQuantiser;
import io.sliminfer.format.DType;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A weight read in place from its file's mapping, or a converted copy where this CPU cannot multiply the file's dtype.
 *
 * @param parts row-major pieces in order; a matrix above 1 GiB has several
 * @param gain  for a norm: its one row as floats, else null
 * @param kept  see {@link WeightForm}
 */
record OneDnnWeight(
        String name,
        long rows,
        long columns,
        long bytes,
        List<Part> parts,
        float @Nullable [] gain,
        @Nullable String kept)
        implements Weight {

    @Override
    public WeightForm form() {
        String type = parts.get(0).dtype().name().toLowerCase(Locale.ROOT);
        return new WeightForm(type, ChannelQuantiser.Loss.NONE, kept);
    }

    /**
     * Consecutive rows in memory.
     *
     * @param index   which of the spec's parts the rows belong to
     * @param row     first row, counted over the whole weight
     * @param address of the first element
     * @param view    keeps a mapping alive and lets Java read it; null for a converted copy
     * @param copy    the converted copy, or null
     * @param bias    address of these rows' bias (float32), or 0
     */
    record Part(
            int index,
            long row,
            long rows,
            DType dtype,
            long address,
            @Nullable ByteBuffer view,
            @Nullable NativeMemory copy,
            long bias) {}

    float[] requireGain() {
        if (gain == null) {
            throw new IllegalStateException(name + " was not loaded as a gain");
        }
        return gain;
    }
}
