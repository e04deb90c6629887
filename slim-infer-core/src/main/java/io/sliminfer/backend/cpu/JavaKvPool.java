package io.sliminfer.backend.cpu;

import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.format.HalfFloats;
import io.sliminfer.format.Int8Kernels;

/**
 * Keys and values on the heap, one array for a slot: {@code [head][token in block][i]}, so that a head's block is one stretch. The
 * first {@code kvHeads} heads are keys, the others values. INT8 has its scales in a second array, {@code [head]}.
 *
 * <p>Different slots may be stored to by different threads.
 */
final class JavaKvPool implements KvPool {

    /** The longest array that every JVM can make. */
    private static final int ELEMENTS_MAX = Integer.MAX_VALUE - 8;

    private final int slots;
    private final int block;
    private final int kvHeads;
    private final int headDim;
    private final KvType type;
    /** One of these three holds the slots, the others are empty. */
    private final float[][] floats;

    private final short[][] halves;
    private final byte[][] bytes;
    private final float[][] scales;

    JavaKvPool(int slots, int block, int kvHeads, int headDim, KvType type) {
        long elements = 2L * block * kvHeads * headDim;
        if (slots < 0 || block < 1 || kvHeads < 1 || headDim < 1 || elements > ELEMENTS_MAX) {
            throw new IllegalArgumentException(
                    "a KV pool of " + slots + " slots with " + block + " tokens, " + kvHeads + " KV heads of " + headDim
                            + " cannot be allocated: sizes must be positive and a slot fit an array");
        }
        this.slots = slots;
        this.block = block;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
        this.type = type;
        boolean half = type == KvType.F16 || type == KvType.BF16;
        boolean quantised = type == KvType.INT8;
        this.floats = new float[type == KvType.F32 ? slots : 0][(int) elements];
        this.halves = new short[half ? slots : 0][(int) elements];
        this.bytes = new byte[quantised ? slots : 0][(int) elements];
        this.scales = new float[quantised ? slots : 0][2 * kvHeads];
    }

    private int at(int head, int token) {
        return (head * block + token) * headDim;
    }

    /**
     * The array that holds {@code count} tokens of a head as float32, one after the other from {@link #offset} on: the slot's own, or
     * {@code scratch} after a conversion.
     *
     * @param head    a KV head's number for its keys, plus {@code kvHeads} for its values
     * @param scratch at least {@code count * headDim} elements
     */
    float[] floats(int slot, int head, int token, int count, float[] scratch) {
        int at = at(head, token);
        int n = count * headDim;
        switch (type) {
            case F32 -> {
                return floats[slot];
            }
            case F16 -> HalfFloats.f16ToFloat(scratch, 0, halves[slot], at, n);
            case BF16 -> HalfFloats.bf16ToFloat(scratch, 0, halves[slot], at, n);
            case INT8 -> Int8Kernels.dequantise(scratch, 0, bytes[slot], at, n, scales[slot][head]);
        }
        return scratch;
    }

    /** Where the first token starts in what {@link #floats} returns. */
    int offset(int head, int token) {
        return type == KvType.F32 ? at(head, token) : 0;
    }

    /**
     * Stores neighbouring rows of one block, see {@link KvType}. Those before {@code token} are in use, those behind are not.
     *
     * @param rows {@code [count][head][i]}
     */
    void store(int slot, int token, float[] rows, int count) {
        for (int head = 0; head < 2 * kvHeads; head++) {
            float scale = type == KvType.INT8 ? raiseScale(slot, head, token, rows, count) : 1;
            for (int t = 0; t < count; t++) {
                int from = (t * 2 * kvHeads + head) * headDim;
                int to = at(head, token + t);
                switch (type) {
                    case F32 -> System.arraycopy(rows, from, floats[slot], to, headDim);
                    case F16 -> HalfFloats.floatToF16(halves[slot], to, rows, from, headDim);
                    case BF16 -> HalfFloats.floatToBf16(halves[slot], to, rows, from, headDim);
                    case INT8 -> Int8Kernels.quantise(bytes[slot], to, rows, from, headDim, scale);
                }
            }
        }
    }

    /** Makes a head's scale large enough for new rows, and stores the rows before them again where that changes it. */
    private float raiseScale(int slot, int head, int token, float[] rows, int count) {
        float magnitude = 0;
        for (int t = 0; t < count; t++) {
            magnitude = Int8Kernels.magnitude(magnitude, rows, (t * 2 * kvHeads + head) * headDim, headDim);
        }
        float old = token == 0 ? 0 : scales[slot][head];
        float scale = Math.max(old, Int8Kernels.scale(magnitude));
        if (scale != old) {
            Int8Kernels.requantise(bytes[slot], at(head, 0), token * headDim, old, scale);
        }
        scales[slot][head] = scale;
        return scale;
    }

    @Override
    public int slots() {
        return slots;
    }

    @Override
    public int block() {
        return block;
    }

    @Override
    public KvType type() {
        return type;
    }

    @Override
    public long slotBytes() {
        return type.slotBytes(block, kvHeads, headDim);
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
