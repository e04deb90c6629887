package io.sliminfer.backend.heap;

import io.sliminfer.backend.OpArguments;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.format.DType;

/** A copy on the heap. Nothing is pending when {@link #copy} returns, so {@link #join} has nothing to wait for. */
public final class HeapReadback implements Readback {

    private final float[] floats;
    private final int[] ints;
    private DType dtype = DType.F32;
    private int count;

    public HeapReadback(int elements) {
        floats = new float[elements];
        ints = new int[elements];
    }

    /** Takes over the elements of a tensor. */
    public void copy(Tensor from) {
        OpArguments.read(from, floats.length);
        HeapTensor tensor = HeapTensor.of(from);
        int elements = tensor.elements();
        if (tensor.dtype() == DType.F32) {
            System.arraycopy(tensor.floats(), tensor.at(0), expectFloats(elements), 0, elements);
        } else {
            System.arraycopy(tensor.ints(), tensor.at(0), expectInts(elements), 0, elements);
        }
    }

    public int capacity() {
        return floats.length;
    }

    /** The array into which a backend copies {@code elements} floats. */
    public float[] expectFloats(int elements) {
        dtype = DType.F32;
        count = elements;
        return floats;
    }

    /** The array into which a backend copies {@code elements} ints. */
    public int[] expectInts(int elements) {
        dtype = DType.I32;
        count = elements;
        return ints;
    }

    @Override
    public void join() {
        // The copy was made in the caller.
    }

    @Override
    public float getFloat(int index) {
        require(DType.F32, index);
        return floats[index];
    }

    @Override
    public int getInt(int index) {
        require(DType.I32, index);
        return ints[index];
    }

    @Override
    public void get(int index, float[] to, int count) {
        if (count > 0) {
            require(DType.F32, index);
            require(DType.F32, index + count - 1);
            System.arraycopy(floats, index, to, 0, count);
        }
    }

    private void require(DType wanted, int index) {
        if (dtype != wanted || index < 0 || index >= count) {
            throw new IllegalStateException(
                    "element " + index + " as " + wanted + " of a readback that holds " + count + " of " + dtype);
        }
    }
}
