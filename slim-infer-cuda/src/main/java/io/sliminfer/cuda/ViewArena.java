package io.sliminfer.cuda;

import io.sliminfer.backend.KvView;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * KV views as kernels read them (docs/cuda.md, Layouts): a header of four ints and four for each sequence, and slot tables. Tables
 * stay on the device as long as the same array comes with the same slots, which it does for all tiles of a layer and all steps
 * of a request that is not offloaded; then a view costs the copy of its header. Engine thread only.
 */
final class ViewArena {

    /** Room for the tables of several long requests in all layers; when it is full, tables are copied anew. */
    private static final int INTS = 4 << 20;

    private static final int HEADER = 4;
    private static final int ENTRY = 4;

    private final Staging staging;
    private final CudaStream stream;
    private final long base;
    private final Map<int[], Table> tables = new IdentityHashMap<>();
    private int used;
    private int[] header = new int[HEADER + ENTRY];
    private int[] last = {};
    private long lastAddress;

    /** A table on the device and what was copied there. */
    private record Table(int offset, int capacity, int[] slots) {}

    ViewArena(CudaContext context, CudaStream stream, Staging staging) {
        this.stream = stream;
        this.staging = staging;
        this.base = context.allocate("KV views", (long) INTS * Integer.BYTES).address();
    }

    /** Address of the view on the device. Valid for operations that are enqueued before the next call. */
    long upload(KvView view) {
        List<KvView.Sequence> sequences = view.sequences();
        int count = sequences.size();
        int ints = HEADER + ENTRY * count;
        if (header.length != ints) {
            header = new int[ints];
        }
        int block = view.pool().block();
        int need = ints;
        for (int i = 0; i < count; i++) {
            need += sequences.get(i).slots().length;
        }
        if (used + need > INTS) {
            forget(need);
        }
        header[0] = count;
        int row = 0;
        for (int i = 0; i < count; i++) {
            KvView.Sequence sequence = sequences.get(i);
            int blocks = (sequence.tokens() + block - 1) / block;
            int at = HEADER + ENTRY * i;
            header[at] = sequence.tokens();
            header[at + 1] = sequence.queries();
            header[at + 2] = row;
            header[at + 3] = table(sequence.slots(), blocks);
            row += sequence.queries();
        }
        // Tables are found relative to the base until the header's own place is known.
        if (Arrays.equals(header, last)) {
            return lastAddress;
        }
        last = header.clone();
        int start = align(used);
        used = start + ints;
        for (int i = 0; i < count; i++) {
            header[HEADER + ENTRY * i + 3] -= start;
        }
        lastAddress = base + (long) start * Integer.BYTES;
        staging.write(lastAddress, header, 0, ints);
        return lastAddress;
    }

    /** Offset of a table with at least these slots. */
    private int table(int[] slots, int blocks) {
        Table known = tables.get(slots);
        if (known != null && known.capacity >= blocks && Arrays.equals(known.slots, 0, blocks, slots, 0, blocks)) {
            return known.offset;
        }
        int offset;
        if (known != null && known.capacity >= slots.length) {
            offset = known.offset; // in the queue's order, so operations before still see the old slots
        } else {
            offset = align(used);
            used = offset + slots.length;
        }
        staging.write(base + (long) offset * Integer.BYTES, slots, 0, slots.length);
        tables.put(slots, new Table(offset, slots.length, slots.clone()));
        return offset;
    }

    private void forget(int need) {
        if (need > INTS) {
            throw new IllegalArgumentException("a KV view of " + need + " ints; the backend takes up to " + INTS
                    + ": send fewer or shorter sequences");
        }
        stream.synchronize();
        tables.clear();
        last = new int[0];
        used = 0;
    }

    private static int align(int offset) {
        return (offset + 3) & ~3;
    }
}
