package io.sliminfer.backend.cpu;

import io.sliminfer.backend.KvPool;
import io.sliminfer.format.DType;

/** Float32 keys and values on the heap; in a slot {@code [kvHead][token in block][i]}, so that a head's block is one stretch. */
final class JavaKvPool implements KvPool {

    private final float[][] keys;
    private final float[][] values;
    private final int block;
    private final int kvHeads;
    private final int headDim;

    JavaKvPool(int slots, int block, int kvHeads, int headDim) {
        long elements = (long) block * kvHeads * headDim;
        if (slots < 0 || block < 1 || kvHeads < 1 || headDim < 1 || elements > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(
                    "a KV pool of " + slots + " slots with " + block + " tokens, " + kvHeads + " KV heads of " + headDim
                            + " cannot be allocated: sizes must be positive and a slot fit an array");
        }
        this.keys = new float[slots][(int) elements];
        this.values = new float[slots][(int) elements];
        this.block = block;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
    }

    float[] keys(int slot) {
        return keys[slot];
    }

    float[] values(int slot) {
        return values[slot];
    }

    /** Where a head's token starts in a slot; the next token follows after {@code headDim}. */
    int at(int kvHead, int tokenInBlock) {
        return (kvHead * block + tokenInBlock) * headDim;
    }

    @Override
    public int slots() {
        return keys.length;
    }

    @Override
    public int block() {
        return block;
    }

    @Override
    public DType dtype() {
        return DType.F32;
    }

    @Override
    public long slotBytes() {
        return 2L * 4 * block * kvHeads * headDim;
    }

    /** The pool of another backend, or one for other heads, cannot be used; the message says so. */
    static JavaKvPool of(KvPool pool, int kvHeads, int headDim) {
        if (!(pool instanceof JavaKvPool java)) {
            throw new IllegalArgumentException("a " + pool.getClass().getSimpleName()
                    + " belongs to another backend and cannot be used by this one");
        }
        if (java.kvHeads != kvHeads || java.headDim != headDim) {
            throw new IllegalArgumentException("the KV pool is made for " + java.kvHeads + " heads of " + java.headDim
                    + ", the layout has " + kvHeads + " of " + headDim);
        }
        return java;
    }
}
