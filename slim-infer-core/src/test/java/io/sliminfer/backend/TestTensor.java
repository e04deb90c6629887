package io.sliminfer.backend;

import io.sliminfer.format.DType;
import io.sliminfer.format.HalfFloats;
import io.sliminfer.format.TensorSource;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/** A tensor in direct memory instead of a file. */
public final class TestTensor implements TensorSource {

    private final String name;
    private final DType dtype;
    private final long rows;
    private final long columns;
    private final ByteBuffer bytes;

    private TestTensor(String name, DType dtype, long rows, long columns) {
        this.name = name;
        this.dtype = dtype;
        this.rows = rows;
        this.columns = columns;
        this.bytes = ByteBuffer.allocateDirect(Math.toIntExact(bytes())).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The values rounded to the dtype, row by row. */
    public static TestTensor of(String name, DType dtype, long rows, long columns, float... values) {
        TestTensor tensor = new TestTensor(name, dtype, rows, columns);
        for (int i = 0; i < rows * columns; i++) {
            switch (dtype) {
                case F32 -> tensor.bytes.putFloat(4 * i, values[i]);
                case F16 -> tensor.bytes.putShort(2 * i, HalfFloats.floatToF16(values[i]));
                case BF16 -> tensor.bytes.putShort(2 * i, HalfFloats.floatToBf16(values[i]));
                case I32 -> tensor.bytes.putInt(4 * i, (int) values[i]);
            }
        }
        return tensor;
    }

    /** Normally distributed values with this standard deviation. */
    public static TestTensor random(
            String name, DType dtype, long rows, long columns, Random random, double deviation) {
        float[] values = new float[Math.toIntExact(rows * columns)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (deviation * random.nextGaussian());
        }
        return of(name, dtype, rows, columns, values);
    }

    @Override
    public String name() {
        return name;
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
        if (from < 0 || to < from || to > rows) {
            throw new IllegalArgumentException(name + ": rows " + from + " to " + to + " of " + rows);
        }
        int rowBytes = (int) columns * dtype.bytes();
        return bytes.asReadOnlyBuffer()
                .position((int) from * rowBytes)
                .limit((int) to * rowBytes)
                .slice()
                .order(ByteOrder.LITTLE_ENDIAN);
    }
}
