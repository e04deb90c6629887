package io.sliminfer.backend.reference;

import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.KvView;

/** Keys and values as {@code [slot][token in block][kvHead][i]}: float32 numbers that have gone through the pool's type. */
final class ReferenceKvPool implements KvPool {

    private final float[][][][] keys;
    private final float[][][][] values;
    private final float[][] keyScales;
    private final float[][] valueScales;
    private final int block;
    private final int kvHeads;
    private final int headDim;
    private final KvType type;

    ReferenceKvPool(int slots, int block, int kvHeads, int headDim, KvType type) {
        this.keys = new float[slots][block][kvHeads][headDim];
        this.values = new float[slots][block][kvHeads][headDim];
        this.keyScales = new float[slots][kvHeads];
        this.valueScales = new float[slots][kvHeads];
        this.block = block;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
        this.type = type;
    }

    float[] key(KvView.Sequence sequence, int token, int kvHead) {
        return keys[sequence.slots()[token / block]][token % block][kvHead];
    }

    float[] value(KvView.Sequence sequence, int token, int kvHead) {
        return values[sequence.slots()[token / block]][token % block][kvHead];
    }

    /**
     * Stores the sequence's last rows, block by block.
     *
     * @param newKeys   {@code [queries][kvHead][i]}, as is {@code newValues}
     */
    void store(KvView.Sequence sequence, float[][][] newKeys, float[][][] newValues) {
        int base = sequence.tokens() - sequence.queries();
        int from = base;
        while (from < sequence.tokens()) {
            int to = Math.min(sequence.tokens(), (from / block + 1) * block);
            int slot = sequence.slots()[from / block];
            for (int h = 0; h < kvHeads; h++) {
                store(keys[slot], keyScales[slot], h, from % block, newKeys, from - base, to - from);
                store(values[slot], valueScales[slot], h, from % block, newValues, from - base, to - from);
            }
            from = to;
        }
    }

    /** {@code count} rows of one head into a block whose first {@code used} rows are in use. */
    private void store(
            float[][][] slot, float[] scales, int head, int used, float[][][] rows, int firstRow, int count) {
        float largest = 0;
        for (int t = 0; t < count; t++) {
            for (int i = 0; i < headDim; i++) {
                slot[used + t][head][i] = rows[firstRow + t][head][i];
                largest = Math.max(largest, Math.abs(rows[firstRow + t][head][i]));
            }
        }
        int firstRounded = used;
        if (type == KvType.INT8) {
            float needed = largest / 127 < Float.MIN_NORMAL ? 0 : largest / 127;
            float old = used == 0 ? 0 : scales[head];
            scales[head] = Math.max(old, needed);
            firstRounded = scales[head] == old ? used : 0;
        }
        for (int t = firstRounded; t < used + count; t++) {
            for (int i = 0; i < headDim; i++) {
                slot[t][head][i] = rounded(slot[t][head][i], scales[head]);
            }
        }
    }

    private float rounded(float x, float scale) {
        return switch (type) {
            case F32 -> x;
            case BF16 -> rounded(x, 7, -126, Float.MAX_VALUE);
            case F16 -> rounded(x, 10, -14, 65504);
            case INT8 -> scale == 0 ? 0 : (float) Math.rint(x / scale) * scale;
        };
    }

    /** To the nearest multiple of the last bit; of two equally near, the even one. */
    private static float rounded(float x, int mantissaBits, int exponentMin, float max) {
        if (Float.isNaN(x) || Float.isInfinite(x)) {
            return x;
        }
        double step = Math.scalb(1.0, Math.max(Math.getExponent(x), exponentMin) - mantissaBits);
        double nearest = Math.rint(x / step) * step;
        return (float) (Math.abs(nearest) > max ? Math.copySign(Double.POSITIVE_INFINITY, nearest) : nearest);
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
    public KvType type() {
        return type;
    }

    /** As other backends have it; here each number takes 4 bytes. */
    @Override
    public long slotBytes() {
        return type.slotBytes(block, kvHeads, headDim);
    }
}
