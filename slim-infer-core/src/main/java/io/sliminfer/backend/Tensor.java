package io.sliminfer.backend;

import io.sliminfer.format.DType;

/**
 * A row-major matrix on a device. Its content is reached only through {@link Ops} and {@link Readback}.
 */
public interface Tensor {

    DType dtype();

    long rows();

    long columns();

    /** Rows {@code from} (inclusive) to {@code to} (exclusive) of the same memory. */
    Tensor rows(long from, long to);

    default long bytes() {
        return rows() * columns() * dtype().bytes();
    }
}
