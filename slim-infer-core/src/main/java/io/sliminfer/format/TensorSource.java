package io.sliminfer.format;

import java.nio.ByteBuffer;

/**
 * A tensor in a file, read in place. Rows are the first dimension; a vector is one row.
 */
public interface TensorSource {

    /** The tensor's name in its file, for messages. */
    String name();

    DType dtype();

    /** First dimension, or 1 for a vector. */
    long rows();

    /** Last dimension. */
    long columns();

    /**
     * Rows {@code from} (inclusive) to {@code to} (exclusive) as a read-only, little-endian, direct view of the file's
     * mapping: no copy, valid as long as its folder is open.
     *
     * @throws IllegalArgumentException if the rows are out of range or hold more than 2 GiB - 1 bytes
     */
    ByteBuffer rows(long from, long to);

    /**
     * Puts the same bytes into a buffer, at its position: for what has to be somewhere else anyway. A file is read by large calls for
     * it, and no page of its mapping is touched. Any thread.
     *
     * @param into a direct buffer with room for the rows
     * @throws java.io.UncheckedIOException if the file cannot be read
     */
    default void copyRows(long from, long to, ByteBuffer into) {
        into.put(rows(from, to));
    }

    default long bytes() {
        return rows() * columns() * dtype().bytes();
    }
}
