package io.sliminfer.backend.heap;

import io.sliminfer.backend.Tensor;
import io.sliminfer.format.DType;
import java.util.Arrays;

/**
 * A float32 or int32 matrix in an array; views share it. Row r starts at {@link #at(long) at(r)} of {@link #floats} or
 * {@link #ints}. Thread rules are its backend's.
 */
public final class HeapTensor implements Tensor {

    // The longest array that every JVM can make.
    private static final long ELEMENTS_MAX = Integer.MAX_VALUE - 8;

    private static final float[] NO_FLOATS = {};
    private static final int[] NO_INTS = {};

    private final DType dtype;
    private final long rows;
    private final long columns;
    private final float[] floats;
    private final int[] ints;
    private final int offset;

    private HeapTensor(DType dtype, long rows, long columns, float[] floats, int[] ints, int offset) {
        this.dtype = dtype;
        this.rows = rows;
        this.columns = columns;
        this.floats = floats;
        this.ints = ints;
        this.offset = offset;
    }

    /**
     * A zeroed tensor.
     *
     * @throws IllegalArgumentException for another dtype than F32 and I32, or more elements than an array can have
     */
    public static HeapTensor allocate(String name, DType dtype, long rows, long columns) {
        if (rows < 0 || columns < 0 || (columns > 0 && rows > ELEMENTS_MAX / columns)) {
            throw new IllegalArgumentException(
                    "tensor " + name + " [" + rows + ", " + columns + "] does not fit an array of " + ELEMENTS_MAX
                            + " elements; use a shorter prompt limit or a backend with native memory");
        }
        int elements = (int) (rows * columns);
        return switch (dtype) {
            case F32 -> new HeapTensor(dtype, rows, columns, new float[elements], NO_INTS, 0);
            case I32 -> new HeapTensor(dtype, rows, columns, NO_FLOATS, new int[elements], 0);
            case F16, BF16 ->
                throw new IllegalArgumentException("tensor " + name + " has dtype " + dtype
                        + "; this backend computes in F32 and has F32 and I32 tensors");
        };
    }

    /** The tensor of another backend cannot be used here; the message says so instead of a class cast. */
    public static HeapTensor of(Tensor tensor) {
        if (tensor instanceof HeapTensor heap) {
            return heap;
        }
        throw new IllegalArgumentException("a " + tensor.getClass().getSimpleName()
                + " belongs to another backend and cannot be used by this one");
    }

    @Override
    public DType dtype() {
        return dtype;
    }

    @Override
    public long rows() {
        return rows;
    }

    @Override
    public long columns() {
        return columns;
    }

    @Override
    public HeapTensor rows(long from, long to) {
        if (from < 0 || to < from || to > rows) {
            throw new IllegalArgumentException("rows " + from + " to " + to + " of a tensor with " + rows + " rows");
        }
        return new HeapTensor(dtype, to - from, columns, floats, ints, at(from));
    }

    /** Elements of this view. */
    public int elements() {
        return (int) (rows * columns);
    }

    /** The array of an F32 tensor; this view's first element is at {@link #at(long) at(0)}. */
    public float[] floats() {
        if (dtype != DType.F32) {
            throw new IllegalArgumentException("a tensor of dtype " + dtype + " is used where F32 is needed");
        }
        return floats;
    }

    /** The array of an I32 tensor; this view's first element is at {@link #at(long) at(0)}. */
    public int[] ints() {
        if (dtype != DType.I32) {
            throw new IllegalArgumentException("a tensor of dtype " + dtype + " is used where I32 is needed");
        }
        return ints;
    }

    /** Index of a row's first element in the array. */
    public int at(long row) {
        return (int) (offset + row * columns);
    }

    /** Copies {@code count} rows inside this dtype's array; the ranges may overlap. */
    public void copyRows(int toRow, HeapTensor from, int fromRow, int count) {
        int elements = (int) (count * columns);
        if (dtype == DType.F32) {
            System.arraycopy(from.floats(), from.at(fromRow), floats, at(toRow), elements);
        } else {
            System.arraycopy(from.ints(), from.at(fromRow), ints, at(toRow), elements);
        }
    }

    /** The elements of an F32 view, copied. */
    public float[] toFloats() {
        return Arrays.copyOfRange(floats(), at(0), at(0) + elements());
    }
}
