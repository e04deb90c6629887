package io.sliminfer.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Where packed weights lie in compute dtype while the library multiplies with them: a ring of a layer's size, so that all tiles of a
 * prefill find a layer's weights as the first of them left them. What is overwritten was used before, in the order of the stream.
 * Engine thread only.
 */
final class UnpackedWeights {

    private final LongUnaryOperator memory;
    private final BooleanSupplier collecting;
    private final List<Entry> entries = new ArrayList<>();
    private long capacity;
    private long next;

    private record Entry(CudaWeight weight, long offset, long bytes) {}

    /**
     * @param memory     gives the address of at least so many bytes, always the same for the same number
     * @param collecting whether operations become part of a graph
     */
    UnpackedWeights(LongUnaryOperator memory, BooleanSupplier collecting) {
        this.memory = memory;
        this.collecting = collecting;
    }

    /** Makes room for so many bytes in all. */
    void reserve(long bytes) {
        if (bytes > capacity) {
            memory.applyAsLong(bytes);
            capacity = bytes;
            entries.clear();
            next = 0;
        }
    }

    long capacity() {
        return capacity;
    }

    /** Where a whole weight lies, or 0 if it has to be unpacked. */
    long find(CudaWeight weight) {
        // What a graph does must not depend on what ran before it was captured.
        if (collecting.getAsBoolean()) {
            return 0;
        }
        for (Entry entry : entries) {
            if (entry.weight == weight) {
                return memory.applyAsLong(capacity) + entry.offset;
            }
        }
        return 0;
    }

    /**
     * Room for so many bytes, at most the capacity.
     *
     * @param weight what will be found there, or null if it is not a whole weight
     */
    long take(@Nullable CudaWeight weight, long bytes) {
        boolean inGraph = collecting.getAsBoolean();
        long offset = inGraph || next + bytes > capacity ? 0 : next;
        entries.removeIf(entry -> entry.offset < offset + bytes && offset < entry.offset + entry.bytes);
        if (!inGraph) {
            next = offset + (bytes + 255) / 256 * 256;
            if (weight != null) {
                entries.add(new Entry(weight, offset, bytes));
            }
        }
        return memory.applyAsLong(capacity) + offset;
    }
}
