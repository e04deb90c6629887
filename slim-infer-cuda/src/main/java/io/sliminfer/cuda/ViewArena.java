package io.sliminfer.cuda;

import io.sliminfer.backend.KvView;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * KV views as kernels read them (docs/cuda.md, Layouts): a header of four ints and four for each sequence, and slot tables. Tables
 * stay on the device as long as the same array comes with the same slots, which it does for all tiles of a layer and all steps
 * of a request that is not offloaded; then a view costs the copy of its header. Engine thread only.
 */
final class ViewArena {

    /** Room for the tables of several long requests in all layers; when it is full, tables are copied anew. */
    private static final int INTS = 4 << 20;

    /** Views that a segment may have: layers, for each of which kernels see one. */
    private static final int SEGMENT_VIEWS = 512;

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
    /** Where the headers of each segment's views lie, in the order in which they come. */
    private final Map<Object, Region> regions = new HashMap<>();

    private @Nullable Object segment;
    private int[] segmentHeaders = {};
    private int segmentInts;
    private int segmentStart;

    private record Region(int offset, int ints) {}

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
        if (segment == null && used + need > INTS) {
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
        int start = segment == null ? take(ints) : inSegment(ints);
        for (int i = 0; i < count; i++) {
            header[HEADER + ENTRY * i + 3] -= start;
        }
        lastAddress = base + (long) start * Integer.BYTES;
        if (segment == null) {
            staging.write(lastAddress, header, 0, ints);
        } else {
            System.arraycopy(header, 0, segmentHeaders, start - segmentStart, ints);
        }
        return lastAddress;
    }

    /**
     * From here to {@link #endSegment} views get the same addresses as the last time under the same key, and are copied together, so that
     * operations which read them can be replayed.
     */
    void beginSegment(Object key) {
        if (used > INTS / 2) {
            forget(0); // not in the middle, where views would lose their tables
        }
        segment = key;
        segmentInts = 0;
        last = new int[0];
    }

    /** Enqueues the copy of the segment's views: before the operations that read them. */
    void endSegment() {
        if (segmentInts > 0) {
            staging.write(base + (long) segmentStart * Integer.BYTES, segmentHeaders, 0, segmentInts);
        }
        segment = null;
        last = new int[0];
    }

    private int inSegment(int ints) {
        Region region = regions.get(segment);
        int room = ints * SEGMENT_VIEWS;
        if (region == null || segmentInts + align(ints) > region.ints) {
            if (segmentInts > 0) {
                throw new IllegalStateException("a segment of more than " + SEGMENT_VIEWS + " KV views");
            }
            region = new Region(take(room), room);
            regions.put(segment, region);
        }
        if (segmentHeaders.length < region.ints) {
            segmentHeaders = new int[region.ints];
        }
        segmentStart = region.offset;
        int start = segmentStart + segmentInts;
        segmentInts += align(ints);
        return start;
    }

    private int take(int ints) {
        int start = align(used);
        if (start + ints > INTS) {
            throw new IllegalStateException("KV views of one segment take more than " + INTS + " ints");
        }
        used = start + ints;
        return start;
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
            offset = take(slots.length);
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
        regions.clear();
        last = new int[0];
        used = 0;
    }

    private static int align(int offset) {
        return (offset + 3) & ~3;
    }
}
