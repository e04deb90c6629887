package io.sliminfer.backend;

import io.sliminfer.format.DType;
import java.util.Locale;

/**
 * How a {@link KvPool} stores keys and values; independent of the compute dtype, to which they are converted as attention reads
 * them.
 *
 * <p>The rows of one block that one {@link Ops#ropeAndStore} writes are stored together. For the floating-point types each number
 * is rounded to nearest, ties to even; what is beyond the range of F16 (65,504) becomes infinite. INT8 has a float32 scale s for
 * keys and one for values of each KV head and block, and stores x as {@code q = rint(x / s)}, ties to even, read as {@code q * s},
 * all in float32:
 * <ul>
 *   <li>Rows that begin a block begin with s = 0: nothing is left of a slot's former owner.
 *   <li>With {@code a} the largest magnitude of the new rows, s becomes {@code max(s, a / 127)}; an {@code a / 127} below
 *       {@link Float#MIN_NORMAL} counts as 0, and with s = 0 all q are 0.
 *   <li>Where s grows, the block's earlier rows are read and stored again with the new one. Each growth can add half a new step to
 *       their error; s is never larger than the block needs.
 *   <li>A number that is not finite makes a head's whole block not a number, so that it shows.
 * </ul>
 */
public enum KvType {
    F32(4),
    F16(2),
    BF16(2),
    INT8(1);

    private static final int SCALE_BYTES = 4;

    private final int bytes;

    KvType(int bytes) {
        this.bytes = bytes;
    }

    /** The type that stores activations of a compute dtype as they are. */
    public static KvType of(DType compute) {
        return switch (compute) {
            case F32 -> F32;
            case F16 -> F16;
            case BF16 -> BF16;
            case I32 -> throw new IllegalArgumentException("I32 is no compute dtype");
        };
    }

    /** Bytes of one element, scales not counted. */
    public int bytes() {
        return bytes;
    }

    /** Bytes of a slot: keys and values of {@code block} tokens, and the scales of INT8. */
    public long slotBytes(int block, int kvHeads, int headDim) {
        long elements = 2L * block * kvHeads * headDim;
        return elements * bytes + (this == INT8 ? 2L * kvHeads * SCALE_BYTES : 0);
    }

    /** The value of {@code slim-infer.kv-cache.type}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
