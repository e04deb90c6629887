package io.sliminfer.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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

    /** Rows whose scales are so many times another's add up by themselves, so that no square leaves float32. */
    private static final float SCALES_RATIO = 1 << 20;

    private final int pairMax;
    private float[] row = {};
    private byte[] values = {};
    private int sum;
    private byte[] blocks = {};
    private short[] halves = {};
    private float[] steps = {};
    private float[] rounded = {};

    /** Squares of some rows by column, in steps of {@link #unit}. */
    private float[] errors = {};

    private float[] signals = {};

    /** 0 where no row has been added. */
    private float unit;

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
            rounded = new float[columns];
            errors = new float[columns];
            signals = new float[columns];
        }
        takeLoss(); // of a matrix that was given up
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
            loss = loss.plus(takeLoss());
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
        if (halves.length != row.length) {
            halves = new short[row.length];
        }
        stored.clear().order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().get(at, halves);
        if (source.dtype() == DType.BF16) {
            HalfFloats.bf16ToFloat(row, 0, halves, 0, row.length);
        } else {
            HalfFloats.f16ToFloat(row, 0, halves, 0, row.length);
        }
    }

    private float scale(TensorSource source, long index) {
        float magnitude = Int8Kernels.magnitude(row, row.length, steps);
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
     * The row into {@link #values}, and what it lost added to that of the rows before it, by column: sums of numbers that do not wait for each
     * other.
     *
     * @return what rows before have lost that cannot be added to it
     */
    private Loss quantise(float scale) {
        if (scale == 0) {
            sum = 0;
            Arrays.fill(values, (byte) 0);
            return Loss.NONE; // zeros, or what a float32 cannot square either
        }
        Loss before = scale > unit * SCALES_RATIO || scale < unit / SCALES_RATIO ? takeLoss() : Loss.NONE;
        if (unit == 0) {
            unit = scale;
        }
        int n = row.length;
        Int8Kernels.toSteps(steps, rounded, row, scale, n);
        sum = Int8Kernels.narrow(values, rounded, n);
        float ratio = scale / unit;
        Int8Kernels.addSquares(errors, signals, steps, rounded, ratio * ratio, n);
        return before;
    }

    /** Sums up columns in float64, and begins anew. */
    private Loss takeLoss() {
        if (unit == 0) {
            return Loss.NONE;
        }
        double error = 0;
        double signal = 0;
        for (int i = 0; i < row.length; i++) {
            error += errors[i];
            signal += signals[i];
        }
        Arrays.fill(errors, 0);
        Arrays.fill(signals, 0);
        double square = (double) unit * unit;
        unit = 0;
        return new Loss(error * square, signal * square);
    }
}
