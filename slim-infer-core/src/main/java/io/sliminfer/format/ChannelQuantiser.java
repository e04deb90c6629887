package io.sliminfer.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ShortBuffer;

/**
 * Matrices in 8 bits, symmetric for each output channel: a row w of a weight becomes {@code q = rint(w / scale)} in -127..127 with
 * {@code scale = max|w| / 127} in float32. A file is read by large calls for it and some rows are in memory at a time, so that no
 * second copy of a model comes to be. Stateless; any number of threads.
 */
public final class ChannelQuantiser {

    /** Elements that a task should take: large reads, and rows that stay in a cache. */
    private static final long TASK_ELEMENTS = 1 << 18;

    private ChannelQuantiser() {}

    /** Takes the rows as they are done. */
    @FunctionalInterface
    public interface RowSink {

        /**
         * @param row    of the tensor
         * @param values one for each column; used again after the call
         * @param scale  0 for a row of zeros
         */
        void row(long row, byte[] values, float scale);
    }

    /**
     * What quantising lost, summed over elements.
     *
     * @param error  squares of the differences from what was there
     * @param signal squares of what was there
     */
    public record Loss(double error, double signal) {

        public static final Loss NONE = new Loss(0, 0);

        public Loss plus(Loss other) {
            return new Loss(error + other.error, signal + other.signal);
        }

        /** Relative L2 error: 0.01 is one percent. */
        public double relative() {
            return signal == 0 ? 0 : Math.sqrt(error / signal);
        }
    }

    /** Rows of a matrix with this many columns that a task should take. */
    public static long rowsOfTask(long columns) {
        return Math.max(1, TASK_ELEMENTS / columns);
    }

    /**
     * Quantises rows {@code from} (inclusive) to {@code to} (exclusive).
     *
     * @throws IllegalArgumentException if a weight is NaN or infinite
     */
    public static Loss quantise(TensorSource source, long from, long to, RowSink sink) {
        int columns = Math.toIntExact(source.columns());
        float[] row = new float[columns];
        byte[] values = new byte[columns];
        double error = 0;
        double signal = 0;
        DecodedTensor decoded = source instanceof DecodedTensor tensor ? tensor : null;
        ByteBuffer stored = decoded == null ? read(source, from, to) : ByteBuffer.allocate(0);
        for (long r = from; r < to; r++) {
            if (decoded != null) {
                decoded.read(r, 0, columns, row, 0);
            } else {
                toFloats(stored, source.dtype(), (int) (r - from) * columns, row);
            }
            float magnitude = Int8Kernels.magnitude(0, row, 0, columns);
            if (!(magnitude <= Float.MAX_VALUE)) {
                throw new IllegalArgumentException(source.name() + ": row " + r
                        + " has a weight that is not a finite number; it cannot be kept in 8 bits");
            }
            float scale = Int8Kernels.scale(magnitude);
            Int8Kernels.quantise(values, 0, row, 0, columns, scale);
            for (int i = 0; i < columns; i++) {
                double difference = row[i] - (double) values[i] * scale;
                error += difference * difference;
                signal += (double) row[i] * row[i];
            }
            sink.row(r, values, scale);
        }
        return new Loss(error, signal);
    }

    private static ByteBuffer read(TensorSource source, long from, long to) {
        long bytes = (to - from) * source.columns() * source.dtype().bytes();
        ByteBuffer buffer = ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
        source.copyRows(from, to, buffer);
        return buffer.flip();
    }

    private static void toFloats(ByteBuffer stored, DType dtype, int at, float[] row) {
        if (dtype == DType.F32) {
            stored.asFloatBuffer().get(at, row);
            return;
        }
        ShortBuffer halves = stored.asShortBuffer();
        for (int i = 0; i < row.length; i++) {
            short half = halves.get(at + i);
            row[i] = dtype == DType.BF16 ? HalfFloats.bf16ToFloat(half) : HalfFloats.f16ToFloat(half);
        }
    }
}
