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

    /** Address of a token's keys of all heads. */
    long keys(int slot, int token) {
        return memory.address() + element(slot, token) * dtype.bytes();
    }

    /** Address of a token's key of one head. */
    long keys(int slot, int token, int kvHead) {
        return keys(slot, token) + (long) kvHead * headDim * dtype.bytes();
    }

    /** Bytes from a key to its value. */
    long valuesOffset() {
        return (long) kvColumns() * dtype.bytes();
    }

    /** One head's key of a token as float32. */
    void readKey(int slot, int token, int kvHead, float[] to) {
        long at = element(slot, token) + (long) kvHead * headDim;
        if (dtype == DType.F32) {
            memory.read(at, to, 0, headDim);
        } else {
            short[] half = new short[headDim];
            memory.read(at, half, 0, headDim);
            HalfFloats.bf16ToFloat(to, 0, half, 0, headDim);
        }
    }

    /** How many of a sequence's {@code count} tokens from {@code start} on lie in neighbouring slots. */
    int neighbours(int[] slots, int start, int count) {
        int b = start / block;
        int end = (b + 1) * block;
        while (end < start + count && slots[b + 1] == slots[b] + 1) {
            b++;
            end += block;
        }
        return Math.min(end - start, count);
    }
}
