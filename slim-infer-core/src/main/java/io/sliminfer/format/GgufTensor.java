package io.sliminfer.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A tensor that is decoded, or whose rows are put in order, where it is read. Any thread. */
final class GgufTensor implements QuantisedTensor {

    private final MappedFile file;
    private final String name;
    private final GgufFile.Entry entry;
    private final long rows;
    private final long columns;
    private final RowOrder order;
    private final long rowBytes;

    GgufTensor(MappedFile file, String name, GgufFile.Entry entry, long rows, long columns, RowOrder order) {
        this.file = file;
        this.name = name;
        this.entry = entry;
        this.rows = rows;
        this.columns = columns;
        this.order = order;
        this.rowBytes = columns / entry.type().elements * entry.type().bytes;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public DType dtype() {
        return entry.type().dtype();
    }

    @Override
    public GgufType type() {
        return entry.type();
    }

    @Override
    public void copyBlocks(long from, long to, ByteBuffer into) {
        if (from < 0 || to < from || to > rows) {
            throw new IllegalArgumentException("rows " + from + " to " + to + " of " + this);
        }
        if (!order.changes()) {
            int bytes = Math.toIntExact((to - from) * rowBytes);
            file.read(entry.position() + from * rowBytes, into.slice(into.position(), bytes));
            into.position(into.position() + bytes);
            return;
        }
        for (long row = from; row < to; row++) {
            file.read(entry.position() + order.inFile(row) * rowBytes, into.slice(into.position(), (int) rowBytes));
            into.position(into.position() + (int) rowBytes);
        }
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
    public long storedBytes() {
        return entry.bytes();
    }

    @Override
    public void read(long row, int from, int count, float[] to, int at) {
        if (row < 0 || row >= rows || from < 0 || count < 0 || from > columns - count) {
            throw new IllegalArgumentException(
                    "elements " + from + " to " + (from + count) + " of row " + row + " of " + this);
        }
        if (rows == 1 && order.changes()) {
            float[] all = new float[(int) columns];
            decode(0, 0, (int) columns, all, 0);
            for (int i = 0; i < count; i++) {
                to[at + i] = all[(int) order.inFile(from + i)];
            }
            return;
        }
        decode(rows == 1 ? 0 : order.inFile(row), from, count, to, at);
    }

    /** Whole blocks go straight to their place, those at the ends by a detour. */
    private void decode(long fileRow, int from, int count, float[] to, int at) {
        GgufType type = entry.type();
        int firstBlock = from / type.elements;
        int blocks = (from + count + type.elements - 1) / type.elements - firstBlock;
        byte[] stored = new byte[blocks * type.bytes];
        file.view(entry.position() + fileRow * rowBytes + (long) firstBlock * type.bytes, stored.length)
                .get(stored);
        if (from % type.elements == 0 && count % type.elements == 0) {
            GgufBlocks.decode(type, stored, 0, blocks, to, at);
            return;
        }
        float[] whole = new float[blocks * type.elements];
        GgufBlocks.decode(type, stored, 0, blocks, whole, 0);
        System.arraycopy(whole, from - firstBlock * type.elements, to, at, count);
    }

    @Override
    public ByteBuffer rows(long from, long to) {
        long bytes = (to - from) * columns * dtype().bytes();
        if (from < 0 || to < from || to > rows || bytes > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "rows " + from + " to " + to + " of " + this + " are out of range or too many for one view");
        }
        ByteBuffer copy = ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
        float[] row = new float[(int) columns];
        for (long i = from; i < to; i++) {
            if (!entry.type().isQuantised() && rows > 1) {
                copy.put(file.view(entry.position() + order.inFile(i) * rowBytes, (int) rowBytes));
            } else {
                read(i, 0, (int) columns, row, 0);
                put(copy, row);
            }
        }
        return copy.flip().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    private void put(ByteBuffer copy, float[] row) {
        for (float value : row) {
            switch (dtype()) {
                case F16 -> copy.putShort(HalfFloats.floatToF16(value));
                case BF16 -> copy.putShort(HalfFloats.floatToBf16(value));
                default -> copy.putFloat(value);
            }
        }
    }

    @Override
    public String toString() {
        return name + " [" + rows + ", " + columns + "] " + entry.type();
    }
}
