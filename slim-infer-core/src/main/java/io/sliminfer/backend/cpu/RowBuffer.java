package io.sliminfer.backend.cpu;

import io.sliminfer.format.DType;
import io.sliminfer.format.HalfFloats;

/** A stretch of native memory on the heap, as float32 whatever its dtype there. One thread. */
final class RowBuffer {

    private final DType dtype;
    private final float[] floats;
    private final short[] halves;
    private final float[] zeroFloats;
    private final short[] zeroHalves;

    /**
     * @param dtype of the memory: F32 or BF16
     */
    RowBuffer(int capacity, DType dtype) {
        this.dtype = dtype;
        boolean half = dtype != DType.F32;
        floats = new float[capacity];
        halves = new short[half ? capacity : 0];
        zeroFloats = new float[half ? 0 : capacity];
        zeroHalves = new short[half ? capacity : 0];
    }

    /** The values; changed in place. */
    float[] floats() {
        return floats;
    }

    void read(NativeMemory memory, long element, int count) {
        if (dtype == DType.F32) {
            memory.read(element, floats, 0, count);
        } else {
            memory.read(element, halves, 0, count);
            HalfFloats.bf16ToFloat(floats, 0, halves, 0, count);
        }
    }

    void write(NativeMemory memory, long element, int count) {
        if (dtype == DType.F32) {
            memory.write(element, floats, 0, count);
        } else {
            HalfFloats.floatToBf16(halves, 0, floats, 0, count);
            memory.write(element, halves, 0, count);
        }
    }

    void zero(NativeMemory memory, long element, int count) {
        if (dtype == DType.F32) {
            memory.write(element, zeroFloats, 0, count);
        } else {
            memory.write(element, zeroHalves, 0, count);
        }
    }
}
