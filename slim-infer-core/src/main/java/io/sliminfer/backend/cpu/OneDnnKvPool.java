package io.sliminfer.backend.cpu;

import io.sliminfer.backend.KvPool;
import io.sliminfer.format.DType;

/**
 * Slots in one piece of memory. A slot has a row for each token: keys of all KV heads, then values of all KV heads. So a run of
 * neighbouring slots is one strided matrix of keys and one of values, which products read in place.
 */
record OneDnnKvPool(NativeMemory memory, int slots, int block, int kvHeads, int headDim, DType dtype)
        implements KvPool {

    int kvColumns() {
        return kvHeads * headDim;
    }

    /** Elements from one token to the next. */
    int rowElements() {
        return 2 * kvColumns();
    }

    @Override
    public long slotBytes() {
        return (long) block * rowElements() * dtype.bytes();
    }

    /** Element index of a token's keys. */
    long element(int slot, int token) {
        return ((long) slot * block + token) * rowElements();
    }

    long keys(int slot) {
        return memory.address() + element(slot, 0) * dtype.bytes();
    }

    long values(int slot) {
        return keys(slot) + (long) kvColumns() * dtype.bytes();
    }
}
