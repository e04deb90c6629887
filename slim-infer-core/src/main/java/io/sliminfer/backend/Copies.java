package io.sliminfer.backend;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Copies of whole KV slots on queues of their own, beside compute. A copy begins after all operations that were enqueued before
 * it; operations enqueued later see its result only after {@link Ops#await}. Copies of one direction end in their order. Engine
 * thread only; the arrays may be reused when a call returns.
 */
public interface Copies {

    /**
     * Host memory for slots (pinned where the device has use for it), the backend's until it is closed.
     *
     * @param file null for memory; else a file that is created, mapped, and deleted at close
     * @throws java.io.UncheckedIOException if the file cannot be created at that size
     */
    HostPool allocateHost(int slots, long slotBytes, @Nullable Path file);

    /** Copies {@code slots[i]} of the pool to {@code hostSlots[i]}. */
    Fence toHost(KvPool pool, int[] slots, HostPool host, int[] hostSlots);

    /** Copies {@code hostSlots[i]} to {@code slots[i]} of the pool. */
    Fence toDevice(KvPool pool, int[] slots, HostPool host, int[] hostSlots);
}
