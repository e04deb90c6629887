package io.sliminfer.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A tensor of seeded random values that no file holds. A value follows from seed and index alone, so a device may make them in
 * parallel where it needs them instead of taking {@link #rows}: element i is
 * {@code mean + deviation * sqrt(3) * (2 * u - 1)} with {@code u = (mix(seed + (i + 1) * GOLDEN) >>> 40) / 2^24}, and {@code mix} the
 * finaliser of SplitMix64. A deviation of 0 gives the mean throughout.
 *
 * @param dtype F32 or BF16, rounded toward zero
 */
public record RandomTensor(String name, DType dtype, long rows, long columns, long seed, double mean, double deviation)
        implements TensorSource {

    public static final long GOLDEN = 0x9E3779B97F4A7C15L;

    @Override
    public ByteBuffer rows(long from, long to) {
        long bytes = (to - from) * columns * dtype.bytes();
        if (from < 0 || from > to || to > rows || bytes > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(name + ": rows " + from + " to " + to + " of " + rows + " with "
                    + columns + " columns are out of range or too many for one view");
        }
        ByteBuffer view = ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (long i = from * columns; i < to * columns; i++) {
            float value = value(i);
            switch (dtype) {
                case F32 -> view.putFloat(value);
                case BF16 -> view.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
                default -> throw new IllegalStateException(name + ": random tensors of " + dtype + " are not made");
            }
        }
        return view.flip().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    private float value(long index) {
        float unit = (mix(seed + (index + 1) * GOLDEN) >>> 40) * 0x1p-24f;
        return (float) mean + (float) (deviation * Math.sqrt(3)) * (2 * unit - 1);
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
