package io.sliminfer.backend.cpu;

import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.format.DType;
import io.sliminfer.format.HalfFloats;
import io.sliminfer.format.Int8Kernels;
import org.bytedeco.javacpp.Pointer;

/**
 * Slots in one piece of memory. A slot has a row for each token: keys of all KV heads, then values of all KV heads. So a run of
 * neighbouring slots is one strided matrix of keys and one of values, which products read in place. In a row, "head" h is a KV
 * head's key, head {@code kvHeads + h} its value.
 *
 * <p>A slot of INT8 ends with a float32 scale for each of the {@code 2 * kvHeads} heads, so that it stays one self-contained run of
 * {@link #slotBytes}. Different slots may be stored to by different threads.
 */
record OneDnnKvPool(NativeMemory memory, int slots, int block, int kvHeads, int headDim, KvType type)
        implements KvPool {

    OneDnnKvPool {
        // Scales are read as float32, so each slot must start at a multiple of 4 bytes.
        if (type.slotBytes(block, kvHeads, headDim) % 4 != 0) {
            throw new IllegalArgumentException("a KV slot of " + block + " tokens with " + kvHeads + " KV heads of "
                    + headDim + " in " + type + " has " + type.slotBytes(block, kvHeads, headDim)
                    + " bytes, which is no multiple of 4: the head dimension must be even");
        }
    }

    int kvColumns() {
        return kvHeads * headDim;
    }

    /** Elements from one token to the next. */
    int rowElements() {
        return 2 * kvColumns();
    }

    @Override
    public long slotBytes() {
        return type.slotBytes(block, kvHeads, headDim);
    }

    /** Whether slots have scales behind their rows, so that a matrix cannot go on into the next slot. */
    boolean hasScales() {
        return type == KvType.INT8;
    }

    /** The dtype of the elements where they are floating-point numbers. */
    DType dtype() {
        return switch (type) {
            case F32 -> DType.F32;
            case F16 -> DType.F16;
            case BF16 -> DType.BF16;
            case INT8 -> throw new IllegalStateException("elements of an INT8 pool mean nothing without their scales");
        };
    }

    /** Address of a token's keys of all heads. */
    long keys(int slot, int token) {
        return memory.address() + bytesTo(slot, token);
    }

    /** Address of a head's key or value of a token. */
    long address(int slot, int token, int head) {
        return keys(slot, token) + (long) head * headDim * type.bytes();
    }

    /** Index of the same, counted in elements from the memory's start. */
    long element(int slot, int token, int head) {
        return bytesTo(slot, token) / type.bytes() + (long) head * headDim;
    }

    private long bytesTo(int slot, int token) {
        return slot * slotBytes() + (long) token * rowElements() * type.bytes();
    }

    /** Address of a slot's scale of a head. */
    long scales(int slot, int head) {
        return memory.address() + 4 * scaleIndex(slot) + 4L * head;
    }

    private long scaleIndex(int slot) {
        return bytesTo(slot, block) / 4;
    }

    /** A token's keys of {@code count} heads as float32. */
    void readKeys(int slot, int token, int firstHead, int count, float[] to, int toAt) {
        int n = count * headDim;
        long at = element(slot, token, firstHead);
        switch (type) {
            case F32 -> memory.read(at, to, toAt, n);
            case F16, BF16 -> {
                short[] half = new short[n];
                memory.read(at, half, 0, n);
                if (type == KvType.F16) {
                    HalfFloats.f16ToFloat(to, toAt, half, 0, n);
                } else {
                    HalfFloats.bf16ToFloat(to, toAt, half, 0, n);
                }
            }
            case INT8 -> {
                byte[] values = new byte[n];
                float[] scales = new float[count];
                memory.read(at, values, 0, n);
                memory.read(scaleIndex(slot) + firstHead, scales, 0, count);
                for (int h = 0; h < count; h++) {
                    Int8Kernels.dequantise(to, toAt + h * headDim, values, h * headDim, headDim, scales[h]);
                }
            }
        }
    }

    /**
     * Stores neighbouring rows of one block, see {@link KvType}. Those before {@code token} are in use, those behind are not.
     *
     * @param rows {@code [count][head][i]}
     */
    void store(int slot, int token, float[] rows, int count) {
        int n = count * rowElements();
        long at = element(slot, token, 0);
        switch (type) {
            case F32 -> memory.write(at, rows, 0, n);
            case F16, BF16 -> {
                short[] half = new short[n];
                if (type == KvType.F16) {
                    HalfFloats.floatToF16(half, 0, rows, 0, n);
                } else {
                    HalfFloats.floatToBf16(half, 0, rows, 0, n);
                }
                memory.write(at, half, 0, n);
            }
            case INT8 -> quantise(slot, token, rows, count);
        }
    }

    private void quantise(int slot, int token, float[] rows, int count) {
        int heads = 2 * kvHeads;
        float[] old = new float[heads];
        if (token > 0) {
            memory.read(scaleIndex(slot), old, 0, heads);
        }
        float[] scales = new float[heads];
        boolean grown = false;
        for (int head = 0; head < heads; head++) {
            float magnitude = 0;
            for (int t = 0; t < count; t++) {
                magnitude = Int8Kernels.magnitude(magnitude, rows, (t * heads + head) * headDim, headDim);
            }
            scales[head] = Math.max(old[head], Int8Kernels.scale(magnitude));
            grown |= scales[head] != old[head];
        }
        if (grown && token > 0) {
            requantise(slot, token, old, scales);
        }
        memory.write(scaleIndex(slot), scales, 0, heads);
        byte[] values = new byte[count * rowElements()];
        for (int at = 0; at < values.length; at += headDim) {
            Int8Kernels.quantise(values, at, rows, at, headDim, scales[at / headDim % heads]);
        }
        memory.write(bytesTo(slot, token), values, 0, values.length);
    }

    /** Stores the first {@code count} rows of a slot again with the scales that have changed. */
    private void requantise(int slot, int count, float[] old, float[] scales) {
        byte[] values = new byte[count * rowElements()];
        memory.read(bytesTo(slot, 0), values, 0, values.length);
        for (int at = 0; at < values.length; at += headDim) {
            int head = at / headDim % scales.length;
            if (scales[head] != old[head]) {
                Int8Kernels.requantise(values, at, headDim, old[head], scales[head]);
            }
        }
        memory.write(bytesTo(slot, 0), values, 0, values.length);
    }

    /** Zeroes the rows of a slot from {@code token} on. */
    void clearRows(int slot, int token) {
        Pointer.memset(
                new NativeMemory.Address(keys(slot, token)), 0, (long) (block - token) * rowElements() * type.bytes());
    }

    /** How many of a sequence's {@code count} tokens from {@code start} on lie in rows that follow each other. */
    int neighbours(int[] slots, int start, int count) {
        int b = start / block;
        int end = (b + 1) * block;
        while (!hasScales() && end < start + count && slots[b + 1] == slots[b] + 1) {
            b++;
            end += block;
        }
        return Math.min(end - start, count);
    }
}
