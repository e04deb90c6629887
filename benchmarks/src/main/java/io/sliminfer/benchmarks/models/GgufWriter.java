package io.sliminfer.benchmarks.models;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A GGUF file, version 3 (docs/gguf.md of ggml): magic, counts, key-value pairs, tensor descriptions, then tensor data at
 * multiples of 32 bytes. Tensor values are random. Keys and tensors come out in the order in which they were added.
 */
public final class GgufWriter {

    /** Types of matrices, with ggml's numbers. */
    public enum Type {
        F32(0, 1, 4),
        F16(1, 1, 2),
        /** 32 weights in 18 bytes: a scale as float16, then 4 bits a weight; a weight is {@code (bits - 8) * scale}. */
        Q4_0(2, 32, 18);

        private final int number;
        private final int blockWeights;
        private final int blockBytes;

        Type(int number, int blockWeights, int blockBytes) {
            this.number = number;
            this.blockWeights = blockWeights;
            this.blockBytes = blockBytes;
        }
    }

    private static final int ALIGNMENT = 32;
    private static final int BUFFER_BLOCKS = 1 << 17;

    // Types of values.
    private static final int UINT32 = 4;
    private static final int INT32 = 5;
    private static final int FLOAT32 = 6;
    private static final int BOOL = 7;
    private static final int STRING = 8;
    private static final int ARRAY = 9;

    /** @param rows 0 for a vector of ones */
    private record GgufTensor(String name, Type type, long rows, long columns) {
        long bytes() {
            return Math.max(1, rows) * columns / type.blockWeights * type.blockBytes;
        }
    }

    private final ByteArrayOutputStream pairs = new ByteArrayOutputStream();
    private final List<GgufTensor> tensors = new ArrayList<>();
    private int pairCount;

    public void text(String key, String value) {
        key(key, STRING);
        string(pairs, value);
    }

    public void number(String key, int value) {
        key(key, UINT32);
        int32(pairs, value);
    }

    public void real(String key, float value) {
        key(key, FLOAT32);
        int32(pairs, Float.floatToRawIntBits(value));
    }

    public void flag(String key, boolean value) {
        key(key, BOOL);
        pairs.write(value ? 1 : 0);
    }

    public void texts(String key, List<String> values) {
        array(key, STRING, values.size());
        values.forEach(value -> string(pairs, value));
    }

    public void integers(String key, List<Integer> values) {
        array(key, INT32, values.size());
        values.forEach(value -> int32(pairs, value));
    }

    public void reals(String key, float[] values) {
        array(key, FLOAT32, values.length);
        for (float value : values) {
            int32(pairs, Float.floatToRawIntBits(value));
        }
    }

    /**
     * A matrix of random weights, row-major.
     *
     * @throws IllegalArgumentException if rows of this type cannot have this length
     */
    public void matrix(String name, Type type, long rows, long columns) {
        if (columns % type.blockWeights != 0) {
            throw new IllegalArgumentException(name + " has rows of " + columns + " weights; " + type
                    + " needs a multiple of " + type.blockWeights);
        }
        tensors.add(new GgufTensor(name, type, rows, columns));
    }

    /** A vector of ones, always F32: gains of norms. */
    public void ones(String name, long columns) {
        tensors.add(new GgufTensor(name, Type.F32, 0, columns));
    }

    /** Size of the file. */
    public long bytes() {
        long bytes = aligned(header().length);
        for (GgufTensor tensor : tensors) {
            bytes += aligned(tensor.bytes());
        }
        return bytes;
    }

    /** Writes the whole file; the same seed gives the same bytes. */
    void writeTo(FileChannel channel, long seed) throws IOException {
        byte[] header = header();
        SyntheticModel.write(channel, ByteBuffer.wrap(java.util.Arrays.copyOf(header, (int) aligned(header.length))));
        SplittableRandom random = new SplittableRandom(seed);
        for (GgufTensor tensor : tensors) {
            writeTensor(channel, random, tensor);
            SyntheticModel.write(channel, ByteBuffer.allocate((int) (aligned(tensor.bytes()) - tensor.bytes())));
        }
    }

    private byte[] header() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        int32(out, 3);
        int64(out, tensors.size());
        int64(out, pairCount);
        out.writeBytes(pairs.toByteArray());
        long offset = 0;
        for (GgufTensor tensor : tensors) {
            string(out, tensor.name);
            // Dimensions start with the one that is contiguous in memory.
            int32(out, tensor.rows == 0 ? 1 : 2);
            int64(out, tensor.columns);
            if (tensor.rows != 0) {
                int64(out, tensor.rows);
            }
            int32(out, tensor.type.number);
            int64(out, offset);
            offset += aligned(tensor.bytes());
        }
        return out.toByteArray();
    }

    private static void writeTensor(FileChannel channel, SplittableRandom random, GgufTensor tensor)
            throws IOException {
        float scale = tensor.rows == 0 ? 0 : SyntheticModel.scale(tensor.columns);
        long blocks = tensor.bytes() / tensor.type.blockBytes;
        ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(blocks, BUFFER_BLOCKS) * tensor.type.blockBytes)
                .order(ByteOrder.LITTLE_ENDIAN);
        for (long done = 0; done < blocks; ) {
            buffer.clear();
            int count = (int) Math.min(blocks - done, BUFFER_BLOCKS);
            for (int i = 0; i < count; i++) {
                putBlock(buffer, random, tensor.type, scale);
            }
            SyntheticModel.write(channel, buffer.flip());
            done += count;
        }
    }

    /** Uniform weights in {@code -scale..scale}, or a one for a scale of 0. */
    private static void putBlock(ByteBuffer buffer, SplittableRandom random, Type type, float scale) {
        switch (type) {
            case F32 -> buffer.putFloat(scale == 0 ? 1 : (float) (random.nextDouble() * 2 - 1) * scale);
            case F16 -> buffer.putShort(float16((float) (random.nextDouble() * 2 - 1) * scale));
            case Q4_0 ->
                buffer.putShort(float16(scale / 8)).putLong(random.nextLong()).putLong(random.nextLong());
        }
    }

    /** float16 bits of a value below 1 in size, rounded towards zero; below 2^-14 it becomes zero. */
    static short float16(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = (bits >>> 16) & 0x8000;
        // float32 has an exponent bias of 127, float16 one of 15.
        int exponent = ((bits >>> 23) & 0xFF) - 127 + 15;
        return (short) (exponent <= 0 ? sign : sign | exponent << 10 | (bits >>> 13) & 0x3FF);
    }

    private void key(String key, int type) {
        string(pairs, key);
        int32(pairs, type);
        pairCount++;
    }

    private void array(String key, int elementType, int count) {
        key(key, ARRAY);
        int32(pairs, elementType);
        int64(pairs, count);
    }

    private static void string(ByteArrayOutputStream out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int64(out, bytes.length);
        out.writeBytes(bytes);
    }

    private static void int32(ByteArrayOutputStream out, int value) {
        out.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array());
    }

    private static void int64(ByteArrayOutputStream out, long value) {
        out.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array());
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
}
