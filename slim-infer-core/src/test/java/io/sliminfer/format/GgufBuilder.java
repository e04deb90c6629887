package io.sliminfer.format;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Makes GGUF files for tests, also such as nobody should make. */
public final class GgufBuilder {

    private record Described(String name, int type, long[] dimensions, byte[] data, long offset) {}

    private final Map<String, byte[]> pairs = new LinkedHashMap<>();
    private final List<Described> tensors = new ArrayList<>();
    private int version = 3;
    private int alignment = 32;
    private long tensorCount = -1;
    private long pairCount = -1;
    private long dataBytes;

    public GgufBuilder version(int number) {
        version = number;
        return this;
    }

    public GgufBuilder counts(long ofTensors, long ofPairs) {
        tensorCount = ofTensors;
        pairCount = ofPairs;
        return this;
    }

    public GgufBuilder alignment(int bytes) {
        alignment = bytes;
        return number("general.alignment", bytes);
    }

    public GgufBuilder text(String key, String value) {
        return raw(key, 8, string(value));
    }

    public GgufBuilder number(String key, int value) {
        return raw(key, 4, int32(value));
    }

    public GgufBuilder real(String key, float value) {
        return raw(key, 6, int32(Float.floatToRawIntBits(value)));
    }

    public GgufBuilder flag(String key, boolean value) {
        return raw(key, 7, new byte[] {(byte) (value ? 1 : 0)});
    }

    public GgufBuilder texts(String key, List<String> values) {
        ByteArrayOutputStream out = list(8, values.size());
        values.forEach(value -> out.writeBytes(string(value)));
        return raw(key, 9, out.toByteArray());
    }

    public GgufBuilder numbers(String key, List<Integer> values) {
        ByteArrayOutputStream out = list(5, values.size());
        values.forEach(value -> out.writeBytes(int32(value)));
        return raw(key, 9, out.toByteArray());
    }

    public GgufBuilder reals(String key, List<Float> values) {
        ByteArrayOutputStream out = list(6, values.size());
        values.forEach(value -> out.writeBytes(int32(Float.floatToRawIntBits(value))));
        return raw(key, 9, out.toByteArray());
    }

    private static ByteArrayOutputStream list(int type, int count) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(int32(type));
        out.writeBytes(int64(count));
        return out;
    }

    /** A value as it lies in the file. */
    public GgufBuilder raw(String key, int type, byte[] value) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(string(key));
        out.writeBytes(int32(type));
        out.writeBytes(value);
        pairs.put(key, out.toByteArray());
        return this;
    }

    /** A second pair of a key that is there already. */
    public GgufBuilder again(String key) {
        pairs.put(key + " again", pairs.get(key));
        return this;
    }

    public GgufBuilder without(String key) {
        pairs.remove(key);
        return this;
    }

    /** A vector or matrix; the last dimension is the contiguous one. */
    GgufBuilder tensor(String name, GgufType type, List<Long> shape, byte[] data) {
        long[] dimensions = new long[shape.size()];
        for (int i = 0; i < dimensions.length; i++) {
            dimensions[i] = shape.get(dimensions.length - 1 - i);
        }
        return described(name, type.number, data, dataBytes, dimensions);
    }

    public GgufBuilder tensor(String name, float... vector) {
        return tensor(name, GgufType.F32, List.of((long) vector.length), GgufQuantizer.encode(GgufType.F32, vector));
    }

    /** A tensor as described, whatever its data. */
    public GgufBuilder described(String name, int type, byte[] data, long offset, long... dimensions) {
        tensors.add(new Described(name, type, dimensions, data, offset));
        dataBytes = (dataBytes + data.length + alignment - 1) / alignment * alignment;
        return this;
    }

    public GgufBuilder withoutTensor(String name) {
        tensors.replaceAll(tensor -> tensor.name.equals(name)
                ? new Described(name + ".unused", tensor.type, tensor.dimensions, tensor.data, tensor.offset)
                : tensor);
        return this;
    }

    public byte[] bytes() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        out.writeBytes(int32(version));
        out.writeBytes(int64(tensorCount < 0 ? tensors.size() : tensorCount));
        out.writeBytes(int64(pairCount < 0 ? pairs.size() : pairCount));
        pairs.values().forEach(out::writeBytes);
        for (Described tensor : tensors) {
            out.writeBytes(string(tensor.name));
            out.writeBytes(int32(tensor.dimensions.length));
            for (long dimension : tensor.dimensions) {
                out.writeBytes(int64(dimension));
            }
            out.writeBytes(int32(tensor.type));
            out.writeBytes(int64(tensor.offset));
        }
        pad(out);
        for (Described tensor : tensors) {
            out.writeBytes(tensor.data);
            pad(out);
        }
        return out.toByteArray();
    }

    private void pad(ByteArrayOutputStream out) {
        while (out.size() % alignment != 0) {
            out.write(0);
        }
    }

    public Path write(Path file) {
        try {
            return Files.write(file, bytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] string(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + bytes.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(bytes.length)
                .put(bytes)
                .array();
    }

    static byte[] int32(int value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array();
    }

    static byte[] int64(long value) {
        return ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array();
    }
}
