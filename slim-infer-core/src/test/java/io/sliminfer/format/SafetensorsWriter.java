package io.sliminfer.format;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;

/** Writes small safetensors files for tests, right ones and, with {@link #raw}, wrong ones. */
public final class SafetensorsWriter {

    private record Tensor(DType dtype, long[] shape, byte[] bytes) {}

    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    /** Adds a tensor; values are rounded to the dtype, for BF16 and F16 toward zero. */
    public SafetensorsWriter add(String name, DType dtype, long[] shape, float... values) {
        long elements = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        if (elements != values.length) {
            throw new IllegalArgumentException(values.length + " values for shape " + Arrays.toString(shape));
        }
        ByteBuffer bytes = ByteBuffer.allocate(values.length * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            switch (dtype) {
                case F32 -> bytes.putFloat(value);
                case BF16 -> bytes.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
                case F16 -> bytes.putShort(f16(value));
                case I32 -> bytes.putInt((int) value);
            }
        }
        tensors.put(name, new Tensor(dtype, shape.clone(), bytes.array()));
        return this;
    }

    /** Adds a tensor of random values around 0, the same for the same seed. */
    public SafetensorsWriter addRandom(String name, DType dtype, long seed, float scale, long... shape) {
        Random random = new Random(seed);
        float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
        for (int i = 0; i < values.length; i++) {
            values[i] = scale * (float) random.nextGaussian();
        }
        return add(name, dtype, shape, values);
    }

    public SafetensorsWriter remove(String name) {
        tensors.remove(name);
        return this;
    }

    /** Writes the file. */
    public void write(Path file) {
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        Map<String, String> header = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> {
            long begin = data.size();
            data.writeBytes(tensor.bytes());
            header.put(name, entry(tensor.dtype().name(), Arrays.toString(tensor.shape()), begin, data.size()));
        });
        raw(file, header(header), data.toByteArray());
    }

    /** One entry of a header: {@code {"dtype":…,"shape":…,"data_offsets":[begin,end]}}. */
    public static String entry(String dtype, String shape, long begin, long end) {
        return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[" + begin + "," + end + "]}";
    }

    /** A header of entries by name. */
    public static String header(Map<String, String> entries) {
        return entries.entrySet().stream()
                .map(entry -> "\"" + entry.getKey() + "\":" + entry.getValue())
                .collect(Collectors.joining(
                        ",", "{\"__metadata__\":{\"format\":\"pt\"}" + (entries.isEmpty() ? "" : ","), "}"));
    }

    /** Writes length, header and data as they are, right or wrong. */
    public static void raw(Path file, String header, byte[] data) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + json.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(json.length).put(json).put(data);
        try {
            Files.write(file, bytes.array());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static short f16(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = bits >>> 16 & 0x8000;
        int exponent = (bits >>> 23 & 0xff) - 127 + 15;
        if (exponent >= 31) {
            return (short) (sign | 0x7c00);
        }
        if (exponent <= 0) {
            // Subnormal, or too small for one.
            return (short) (sign | (exponent < -10 ? 0 : (bits & 0x7fffff | 0x800000) >>> 14 - exponent));
        }
        return (short) (sign | exponent << 10 | bits >>> 13 & 0x3ff);
    }
}
