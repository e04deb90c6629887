package io.sliminfer.cuda;

import io.sliminfer.backend.Tensor;
import io.sliminfer.format.DType;

/**
 * A matrix in device memory, rows without gaps.
 *
 * @param address of the first element
 */
record CudaTensor(long address, DType dtype, long rows, long columns) implements Tensor {

    @Override
    public CudaTensor rows(long from, long to) {
        if (from < 0 || from > to || to > rows) {
            throw new IllegalArgumentException("rows " + from + " to " + to + " of a tensor with " + rows + " rows");
        }
        return new CudaTensor(row(from), dtype, to - from, columns);
    }

    /** Address of a row. */
    long row(long index) {
        return address + index * columns * dtype.bytes();
    }
}
