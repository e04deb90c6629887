package io.sliminfer.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ShortBuffer;
import java.util.Arrays;

/**
 * Matrices in 8 bits, symmetric for each output channel: a row w of a weight becomes {@code q = rint(w / scale)} in -127..127 with
 * {@code scale = max|w| / 127} in float32. A file is read by large calls for it and some rows are in memory at a time, so that no
 * second copy of a model comes to be. Holds buffers: one for each thread.
 *
 * <p>With a limit L for pairs, a row's scale is as much larger as it takes that of elements 2i and 2i + 1 neither the positive ones nor
 * the negative ones add up to more than L: {@code scale >= sum / (L - 1)} of each pair, as rounding adds at most 1. For instructions that
 * add two products in 16 bits.
 */
public final class ChannelQuantiser {

    /**
     * A matrix that loses more is better left as it is. Normal weights lose 0.008 to 0.011; a matrix loses more than this when the rows that
     * matter have an outlier of 10 and more standard deviations, which takes the steps of all others. 4-bit formats lose 0.06 to 0.09.
     */
    public static final double LOSS_MAX = 0.03;

    /** Elements that a task should take: large reads, and rows that stay in a cache. */
    private static final long TASK_ELEMENTS = 1 << 18;

    /** Sums that run beside each other. */
    private static final int LANES = 256;

    private final int pairMax;
    private float[] row = {};
    private byte[] values = {};
    private int sum;
    private byte[] blocks = {};
    private float[] steps = {};
    private float[] levels = {};
    private final float[] sums = new float[LANES];
    private final float[] errors = new float[LANES];
    private final float[] signals = new float[LANES];
    private ByteBuffer stored = ByteBuffer.allocateDirect(0);

    public ChannelQuantiser() {
        this(Integer.MAX_VALUE);
    }

    /**
     * @param pairMax largest sum of two neighbouring values of one sign, 128 or more
     */
    public ChannelQuantiser(int pairMax) {
        if (pairMax < 128) {
            throw new IllegalArgumentException("pairs of values up to " + pairMax + ": use 128 or more");
        }
        this.pairMax = pairMax;
    }

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
    public Loss quantise(TensorSource source, long from, long to, RowSink sink) {
        int columns = Math.toIntExact(source.columns());
        if (row.length != columns) {
            row = new float[columns];
            values = new byte[columns];
            steps = new float[columns];
            levels = new float[columns];
        }
        Loss loss = Loss.NONE;
        long step = rowsOfTask(columns);
        for (long first = from; first < to; first += step) {
            long end = Math.min(to, first + step);
            fetch(source, first, end);
            for (long r = first; r < end; r++) {
                toFloats(source, r, (int) (r - first));
                float scale = scale(source, r);
                loss = loss.plus(quantise(scale));
                sink.row(r, values, scale);
            }
        }
        return loss;
    }

    /** The sum of the values of the row that was quantised last. */
    public int lastSum() {
        return sum;
    }

    /** A copy of the row that was quantised last, as it was before. */
    public float[] lastRow() {
        return row.clone();
    }

    /** Brings the rows from the file, past its mapping: what is read once must not stay in the process's memory. */
    private void fetch(TensorSource source, long from, long to) {
        if (source instanceof QuantisedTensor packed) {
            reserve(packed.blockRowBytes() * (to - from));
            packed.copyBlocks(from, to, stored);
        } else if (!(source instanceof DecodedTensor)) {
            reserve((to - from) * source.columns() * source.dtype().bytes());
            source.copyRows(from, to, stored);
        }
    }

    private void reserve(long bytes) {
        if (stored.capacity() < bytes) {
            stored = ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
        }
        stored.clear();
    }

    /** Row {@code index} of those that were fetched, into {@link #row}. */
    private void toFloats(TensorSource source, long sourceRow, int index) {
        if (source instanceof QuantisedTensor packed) {
            int bytes = Math.toIntExact(packed.blockRowBytes());
            if (blocks.length != bytes) {
                blocks = new byte[bytes];
            }
            stored.get(index * bytes, blocks);
            GgufBlocks.decode(
                    packed.type(), blocks, 0, row.length / packed.type().blockElements(), row, 0);
            return;
        }
        if (source instanceof DecodedTensor decoded) {
            decoded.read(sourceRow, 0, row.length, row, 0);
            return;
        }
        int at = index * row.length;
        if (source.dtype() == DType.F32) {
            stored.clear().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(at, row);
            return;
        }
        ShortBuffer halves = stored.clear().order(ByteOrder.LITTLE_ENDIAN).asShortBuffer();
        for (int i = 0; i < row.length; i++) {
            short half = halves.get(at + i);
            row[i] = source.dtype() == DType.BF16 ? HalfFloats.bf16ToFloat(half) : HalfFloats.f16ToFloat(half);
        }
    }

    private float scale(TensorSource source, long index) {
        float magnitude = Int8Kernels.magnitude(0, row, 0, row.length);
        if (!(magnitude <= Float.MAX_VALUE)) {
            throw new IllegalArgumentException(source.name() + ": row " + index
                    + " has a weight that is not a finite number; it cannot be kept in 8 bits");
        }
        float scale = Int8Kernels.scale(magnitude);
        if (pairMax >= 2 * 127) {
            return scale;
        }
        // A pair of two signs needs nothing of its own: it is below the magnitude, which has its part in the scale.
        return Math.max(scale, scale == 0 ? 0 : Int8Kernels.pairMagnitude(row, row.length) / (pairMax - 1));
    }

    /**
     * The row into {@link #values}, and what it lost. In steps of its scale, so that no square is too small or too large for float32; sums of
     * a lane are of a few numbers, those of lanes and rows in float64.
     */
    private Loss quantise(float scale) {
        sum = 0;
        if (scale == 0) {
            Arrays.fill(values, (byte) 0);
            return Loss.NONE; // zeros, or what a float32 cannot square either
        }
        int n = row.length;
        for (int i = 0; i < n; i++) {
            steps[i] = row[i] / scale;
        }
        System.arraycopy(steps, 0, levels, 0, n);
        Int8Kernels.round(values, levels, n);
        Arrays.fill(sums, 0);
        Arrays.fill(errors, 0);
        Arrays.fill(signals, 0);
        int at = 0;
        for (; at + LANES <= n; at += LANES) {
            add(at, LANES);
        }
        add(at, n - at);
        double error = 0;
        double signal = 0;
        for (int lane = 0; lane < LANES; lane++) {
            sum += (int) sums[lane];
            error += errors[lane];
            signal += signals[lane];
        }
        double square = (double) scale * scale;
        return new Loss(error * square, signal * square);
    }

    /** Loops over lanes that do not wait for each other: the compiler makes them vectors, which it does not with a sum. */
    private void add(int at, int n) {
        float[] steps = this.steps;
        float[] levels = this.levels;
        float[] sums = this.sums;
        float[] errors = this.errors;
        float[] signals = this.signals;
        for (int i = 0; i < n; i++) {
            float level = levels[at + i];
            float step = steps[at + i];
            float difference = step - level;
            sums[i] += level;
            errors[i] += difference * difference;
            signals[i] += step * step;
        }
    }
}
