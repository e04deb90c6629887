package io.sliminfer.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A tensor of seeded random blocks that no file holds, as {@link RandomTensor} is one of numbers: levels and the scales of sub-blocks are
 * random, a block's own scale is the one that gives the deviation. A block follows from seed and index alone.
 *
 * @param type Q8_0, Q4_0, Q4_K or Q6_K
 */
record RandomBlocks(String name, GgufType type, long rows, long columns, long seed, double deviation)
        implements QuantisedTensor {

    /** Standard deviation of equally likely levels -128..127, -8..7 or 0..15, -32..31. */
    private static final double DEVIATION_8 = 73.9;

    private static final double DEVIATION_4 = 4.61;
    private static final double DEVIATION_6 = 18.5;

    /** Scales of sub-blocks: 32 to 63, and 64 to 127 where they have a byte. */
    private static final int SCALE_MEAN = 48;

    RandomBlocks {
        if (columns % type.elements != 0) {
            throw new IllegalArgumentException(
                    name + ": rows of " + columns + " elements are not whole blocks of " + type);
        }
        switch (type) {
            case Q8_0, Q4_0, Q4_K, Q6_K -> {
                // Made by block(..).
            }
            default ->
                throw new IllegalArgumentException(
                        "random weights of type " + type + " are not made: use Q8_0, Q4_0, Q4_K or Q6_K");
        }
    }

    @Override
    public DType dtype() {
        return type.dtype();
    }

    @Override
    public long storedBytes() {
        return rows * blockRowBytes();
    }

    @Override
    public void copyBlocks(long from, long to, ByteBuffer into) {
        requireRows(from, to);
        byte[] block = new byte[type.bytes];
        for (long i = from * columns / type.elements; i < to * columns / type.elements; i++) {
            fill(i, block);
            into.put(block);
        }
    }

    private void requireRows(long from, long to) {
        if (from < 0 || to < from || to > rows) {
            throw new IllegalArgumentException("rows " + from + " to " + to + " of " + name + ", which has " + rows);
        }
    }

    private void fill(long index, byte[] block) {
        ByteBuffer bytes = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN);
        long words = (type.bytes + 7) / 8;
        for (int at = 0; at < type.bytes; at += 8) {
            long word = RandomTensor.mix(seed + (index * words + at / 8 + 1) * RandomTensor.GOLDEN);
            for (int i = 0; i < Math.min(8, type.bytes - at); i++) {
                block[at + i] = (byte) (word >>> 8 * i);
            }
        }
        switch (type) {
            case Q8_0 -> bytes.putShort(0, half(deviation / DEVIATION_8));
            case Q4_0 -> bytes.putShort(0, half(deviation / DEVIATION_4));
            case Q4_K -> {
                // A minimum of 7.5 steps: values around 0.
                double d = deviation / (DEVIATION_4 * SCALE_MEAN);
                bytes.putShort(0, half(d)).putShort(2, half(7.5 * d));
                for (int i = 0; i < 4; i++) {
                    int first = 32 | block[4 + i] & 31;
                    int second = 32 | block[8 + i] & 31;
                    // Scale and minimum of sub-blocks i and i + 4 are alike (GgufBlocks.scale).
                    block[4 + i] = (byte) (first | second >> 4 << 6);
                    block[8 + i] = block[4 + i];
                    block[12 + i] = (byte) (second & 15 | (second & 15) << 4);
                }
            }
            case Q6_K -> {
                bytes.putShort(208, half(deviation / (DEVIATION_6 * 2 * SCALE_MEAN)));
                for (int i = 192; i < 208; i++) {
                    block[i] = (byte) (64 | block[i] & 63);
                }
            }
            default -> throw new IllegalStateException(type.toString());
        }
    }

    private static short half(double value) {
        return HalfFloats.floatToF16((float) value);
    }

    @Override
    public void read(long row, int from, int count, float[] to, int at) {
        requireRows(row, row + 1);
        if (from < 0 || count < 0 || from > columns - count) {
            throw new IllegalArgumentException("elements " + from + " to " + (from + count) + " of a row of " + name);
        }
        float[] decoded = new float[type.elements];
        byte[] block = new byte[type.bytes];
        long first = row * (columns / type.elements);
        for (int column = from; column < from + count; ) {
            int within = column % type.elements;
            int taken = Math.min(type.elements - within, from + count - column);
            fill(first + column / type.elements, block);
            GgufBlocks.decode(type, block, 0, 1, decoded, 0);
            System.arraycopy(decoded, within, to, at + column - from, taken);
            column += taken;
        }
    }

    @Override
    public ByteBuffer rows(long from, long to) {
        requireRows(from, to);
        ByteBuffer view = ByteBuffer.allocateDirect(Math.toIntExact((to - from) * columns * Float.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        float[] row = new float[(int) columns];
        for (long r = from; r < to; r++) {
            read(r, 0, row.length, row, 0);
            for (float value : row) {
                view.putFloat(value);
            }
        }
        return view.flip().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }
}
