package io.sliminfer.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A tensor of seeded random values that no file holds. A value follows from seed and index alone, so a device may make them in
 * parallel where it needs them instead of taking {@link #rows}: element i is {@code mean + sqrt(3) * deviation * u} with u uniform in
 * (-1, 1), {@code u = (2 * (mix(seed + (i + 1) * GOLDEN) >>> 41) + 1) / 2^23 - 1}, all in float32, and {@code mix} the finaliser of
 * SplitMix64.
 *
 * @param dtype F32, or BF16 rounded to nearest
 */
public record RandomTensor(String name, DType dtype, long rows, long columns, long seed, double mean, double deviation)
        implements TensorSource {

    static final long GOLDEN = 0x9E3779B97F4A7C15L;
    private static final float SQRT_3 = 1.7320508f;

    /** Rows {@code from} (inclusive) to {@code to} (exclusive) as a tensor of their own. */
    public RandomTensor slice(long from, long to) {
        return new RandomTensor(name, dtype, to - from, columns, seed + from * columns * GOLDEN, mean, deviation);
    }

    @Override
    public ByteBuffer rows(long from, long to) {
        long bytes = (to - from) * columns * dtype.bytes();
        if (from < 0 || from > to || to > rows || bytes > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(name + ": rows " + from + " to " + to + " of " + rows + " with "
                    + columns + " columns are out of range or too many for one view");
        }
        ByteBuffer view = ByteBuffer.allocateDirect((int) bytes);
        copyRows(from, to, view);
        return view.flip().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public void copyRows(long from, long to, ByteBuffer into) {
        ByteOrder order = into.order();
        into.order(ByteOrder.LITTLE_ENDIAN);
        for (long i = from * columns; i < to * columns; i++) {
            float value = value(i);
            switch (dtype) {
                case F32 -> into.putFloat(value);
                case BF16 -> into.putShort(roundToBf16(value));
                default -> throw new IllegalStateException(name + ": random tensors of " + dtype + " are not made");
            }
        }
        into.order(order);
    }

    private float value(long index) {
        float unit = (2 * (int) (mix(seed + (index + 1) * GOLDEN) >>> 41) + 1) * 0x1p-23f - 1;
        return (float) mean + unit * (SQRT_3 * (float) deviation);
    }

    private static short roundToBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
    }

    static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
