package io.sliminfer.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A matrix in blocks of GGUF, in memory. */
public final class QuantisedTestTensor implements QuantisedTensor {

    private final String name;
    private final GgufType type;
    private final int rows;
    private final int columns;
    private final byte[] blocks;

    private QuantisedTestTensor(String name, GgufType type, int rows, int columns, byte[] blocks) {
        this.name = name;
        this.type = type;
        this.rows = rows;
        this.columns = columns;
        this.blocks = blocks;
    }

    /** @param values row by row; rows are whole blocks */
    public static QuantisedTestTensor of(String name, GgufType type, int rows, int columns, float[] values) {
        return new QuantisedTestTensor(name, type, rows, columns, GgufQuantizer.encode(type, values));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public GgufType type() {
        return type;
    }

    @Override
    public DType dtype() {
        return type.dtype();
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
        return blocks.length;
    }

    @Override
    public void copyBlocks(long from, long to, ByteBuffer into) {
        into.put(blocks, (int) (from * blockRowBytes()), (int) ((to - from) * blockRowBytes()));
    }

    @Override
    public void read(long row, int from, int count, float[] to, int at) {
        float[] whole = new float[columns];
        GgufBlocks.decode(type, blocks, (int) (row * blockRowBytes()), columns / type.elements, whole, 0);
        System.arraycopy(whole, from, to, at, count);
    }

    @Override
    public ByteBuffer rows(long from, long to) {
        ByteBuffer bytes = ByteBuffer.allocateDirect((int) ((to - from) * columns * Float.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        float[] row = new float[columns];
        for (long r = from; r < to; r++) {
            read(r, 0, columns, row, 0);
            for (float value : row) {
                bytes.putFloat(value);
            }
        }
        return bytes.flip();
    }
}
