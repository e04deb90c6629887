package io.sliminfer.backend.reference;

import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvView;
import io.sliminfer.format.DType;

/** Keys and values as {@code [slot][token in block][kvHead][i]}. */
final class ReferenceKvPool implements KvPool {

    private final float[][][][] keys;
    private final float[][][][] values;
    private final int block;

    ReferenceKvPool(int slots, int block, int kvHeads, int headDim) {
        this.keys = new float[slots][block][kvHeads][headDim];
        this.values = new float[slots][block][kvHeads][headDim];
        this.block = block;
    }

    float[] key(KvView.Sequence sequence, int token, int kvHead) {
        return keys[sequence.slots()[token / block]][token % block][kvHead];
    }

    float[] value(KvView.Sequence sequence, int token, int kvHead) {
        return values[sequence.slots()[token / block]][token % block][kvHead];
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
        return keys.length == 0 ? 0 : 2L * 4 * block * keys[0][0].length * keys[0][0][0].length;
    }
}
