package io.sliminfer.backend.trace;

import io.sliminfer.backend.Copies;
import io.sliminfer.backend.DeviceClock.Queue;
import io.sliminfer.backend.Fence;
import io.sliminfer.backend.HostPool;
import io.sliminfer.backend.KvPool;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Copies with marks around them. Engine thread only. */
final class TracedCopies implements Copies {

    private final Copies copies;
    private final SpanRecorder spans;

    TracedCopies(Copies copies, SpanRecorder spans) {
        this.copies = copies;
        this.spans = spans;
    }

    @Override
    public HostPool allocateHost(int slots, long slotBytes, @Nullable Path file) {
        return copies.allocateHost(slots, slotBytes, file);
    }

    @Override
    public Fence toHost(KvPool pool, int[] slots, HostPool host, int[] hostSlots) {
        spans.begin(Queue.TO_HOST);
        Fence fence = copies.toHost(pool, slots, host, hostSlots);
        spans.end(Queue.TO_HOST, "KV to host", slots.length, 0, (double) slots.length * pool.slotBytes());
        return fence;
    }

    @Override
    public Fence toDevice(KvPool pool, int[] slots, HostPool host, int[] hostSlots) {
        spans.begin(Queue.TO_DEVICE);
        Fence fence = copies.toDevice(pool, slots, host, hostSlots);
        spans.end(Queue.TO_DEVICE, "KV to device", slots.length, 0, (double) slots.length * pool.slotBytes());
        return fence;
    }
}
