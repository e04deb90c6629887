package io.sliminfer.cuda;

import io.sliminfer.backend.HostPool;

/**
 * Pinned host memory cut into slots.
 *
 * @param address of slot 0
 */
record CudaHostPool(long address, int slots, long slotBytes) implements HostPool {

    long slot(int index) {
        return address + index * slotBytes;
    }
}
