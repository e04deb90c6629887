package io.sliminfer.backend.cpu;

import io.sliminfer.backend.Tensor;
import io.sliminfer.format.DType;

/**
 * Rows of native memory.
 *
 * @param offset first element, counted from the memory's start
 */
record NativeTensor(NativeMemory memory, long offset, DType dtype, long rows, long columns) implements Tensor {

    @Override
    public NativeTensor rows(long from, long to) {
        if (from < 0 || to < from || to > rows) {
            throw new IllegalArgumentException("rows " + from + ".." + to + " of a tensor with " + rows + " rows");
        }
        return new NativeTensor(memory, offset + from * columns, dtype, to - from, columns);
    }

    long address() {
        return memory.address() + offset * dtype.bytes();
    }

    /** Element index of a row's first column, for the memory's bulk reads. */
    long element(long row) {
        return offset + row * columns;
    }
}
