package io.sliminfer.cuda;

import io.sliminfer.format.DType;

/** A row-major matrix of 16-bit numbers, for bulk tensor copies (TMA). */
final class TensorMap implements AutoCloseable {

    static TensorMap of(
            CudaContext context,
            DType type,
            long address,
            long columns,
            long rows,
            long rowBytes,
            int boxColumns,
            int boxRows) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
