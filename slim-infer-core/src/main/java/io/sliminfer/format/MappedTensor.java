package io.sliminfer.format;

import java.nio.ByteBuffer;

/** A vector or matrix whose elements lie in a file as memory has them: views of the mapping, no copies. Any thread. */
final class MappedTensor implements TensorSource {

    private final MappedFile file;
    private final String fileName;
    private final String tensor;
    private final DType dtype;
    private final long rows;
    private final long columns;
    private final long position;

    MappedTensor(MappedFile file, String fileName, String tensor, DType dtype, long rows, long columns, long position) {
        this.file = file;
        this.fileName = fileName;
        this.tensor = tensor;
        this.dtype = dtype;
        this.rows = rows;
        this.columns = columns;
        this.position = position;
    }

    @Override
    public String name() {
        return tensor;
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
    public ByteBuffer rows(long from, long to) {
        return file.view(position(from), byteCount(from, to));
    }

    @Override
    public void copyRows(long from, long to, ByteBuffer into) {
        int bytes = byteCount(from, to);
        ByteBuffer target = into.slice(into.position(), bytes);
        file.read(position(from), target);
        into.position(into.position() + bytes);
    }

    private long position(long row) {
        return position + row * columns * dtype.bytes();
    }

    private int byteCount(long from, long to) {
        if (from < 0 || to < from || to > rows) {
            throw new IllegalArgumentException("rows " + from + " to " + to + " of " + tensor + ", which has " + rows);
        }
        long rowBytes = columns * dtype.bytes();
        long bytes = (to - from) * rowBytes;
        if (bytes > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("rows " + from + " to " + to + " of " + tensor + " are " + bytes
                    + " bytes; ask for at most " + Integer.MAX_VALUE / rowBytes + " rows at a time");
        }
        return (int) bytes;
    }

    @Override
    public String toString() {
        return tensor + " [" + rows + ", " + columns + "] " + dtype + " in " + fileName;
    }
}
