package io.sliminfer.benchmarks.models;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/**
 * A model folder of a given shape with seeded random bf16 weights, for measuring speed at sizes that no bundled model has. The
 * same shape and seed give the same bytes everywhere. It goes through the same loader as a published model.
 *
 * @param name short name, as in {@code synthetic:1b}
 */
public record SyntheticModel(
        String name,
        int hidden,
        int intermediate,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int vocabulary,
        int maxPositions,
        long seed) {

    /** How the command line names such a model. */
    public static final String PREFIX = "synthetic:";

    /** Weights are made in pieces of this many bytes. */
    private static final int BUFFER_BYTES = 8 << 20;

    private static final Map<String, SyntheticModel> SHAPES = Map.of(
            "1b", new SyntheticModel("1b", 2048, 8192, 16, 32, 8, 64, 32768, 32768, 7),
            "100m", new SyntheticModel("100m", 768, 2048, 12, 12, 4, 64, 8192, 40960, 7),
            "8b", new SyntheticModel("8b", 4096, 14336, 32, 32, 8, 128, 128256, 131072, 7));

    /** For tests of the benchmarks themselves: below 1 MB, and just deep enough that the default schedule prunes. */
    private static final SyntheticModel TEST = new SyntheticModel("test", 64, 128, 4, 4, 2, 16, 512, 1024, 7);

    /**
     * The shape behind {@code synthetic:NAME}.
     *
     * @throws IllegalArgumentException naming the shapes there are
     */
    public static SyntheticModel shape(String name) {
        if (name.equals(TEST.name)) {
            return TEST;
        }
        SyntheticModel model = SHAPES.get(name);
        if (model == null) {
            throw new IllegalArgumentException(PREFIX + name + " is unknown: there are "
                    + SHAPES.keySet().stream().sorted().map(PREFIX::concat).collect(Collectors.joining(", ")));
        }
        return model;
    }

    /**
     * The model's folder below {@code cache}, written first if it is not there.
     *
     * @throws IllegalArgumentException if the disk has too little room
     */
    public Path folder(Path cache) {
        Path folder = cache.resolve("synthetic-" + name + "-seed" + seed);
        byte[] config = config().getBytes(StandardCharsets.UTF_8);
        CachedFile.write(
                folder.resolve("config.json"), config.length, channel -> channel.write(ByteBuffer.wrap(config)));
        byte[] header = header();
        CachedFile.write(
                folder.resolve("model.safetensors"),
                header.length + 2 * parameters(),
                channel -> writeWeights(channel, header));
        return folder;
    }

    /** Weights of all tensors. */
    public long parameters() {
        return tensors().values().stream().mapToLong(SyntheticModel::elements).sum();
    }

    private String config() {
        return """
                {
                  "architectures": ["LlamaForCausalLM"],
                  "model_type": "llama",
                  "hidden_size": %d,
                  "intermediate_size": %d,
                  "num_hidden_layers": %d,
                  "num_attention_heads": %d,
                  "num_key_value_heads": %d,
                  "head_dim": %d,
                  "vocab_size": %d,
                  "max_position_embeddings": %d,
                  "hidden_act": "silu",
                  "rms_norm_eps": 1e-05,
                  "rope_theta": 500000.0,
                  "tie_word_embeddings": true,
                  "bos_token_id": 0,
                  "eos_token_id": 1,
                  "torch_dtype": "bfloat16"
                }
                """
                .formatted(hidden, intermediate, layers, heads, kvHeads, headDim, vocabulary, maxPositions);
    }

    /** Tensor names and shapes in file order. */
    private Map<String, long[]> tensors() {
        Map<String, long[]> tensors = new LinkedHashMap<>();
        tensors.put("model.embed_tokens.weight", new long[] {vocabulary, hidden});
        for (int i = 0; i < layers; i++) {
            String layer = "model.layers." + i + ".";
            tensors.put(layer + "input_layernorm.weight", new long[] {hidden});
            tensors.put(layer + "self_attn.q_proj.weight", new long[] {(long) heads * headDim, hidden});
            tensors.put(layer + "self_attn.k_proj.weight", new long[] {(long) kvHeads * headDim, hidden});
            tensors.put(layer + "self_attn.v_proj.weight", new long[] {(long) kvHeads * headDim, hidden});
            tensors.put(layer + "self_attn.o_proj.weight", new long[] {hidden, (long) heads * headDim});
            tensors.put(layer + "post_attention_layernorm.weight", new long[] {hidden});
            tensors.put(layer + "mlp.gate_proj.weight", new long[] {intermediate, hidden});
            tensors.put(layer + "mlp.up_proj.weight", new long[] {intermediate, hidden});
            tensors.put(layer + "mlp.down_proj.weight", new long[] {hidden, intermediate});
        }
        tensors.put("model.norm.weight", new long[] {hidden});
        return tensors;
    }

    /** Length and JSON of a safetensors header. */
    private byte[] header() {
        StringBuilder header = new StringBuilder("{");
        long offset = 0;
        for (Map.Entry<String, long[]> tensor : tensors().entrySet()) {
            long end = offset + 2 * elements(tensor.getValue());
            header.append(header.length() > 1 ? "," : "")
                    .append("\"%s\":{\"dtype\":\"BF16\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                            .formatted(tensor.getKey(), Arrays.toString(tensor.getValue()), offset, end));
            offset = end;
        }
        header.append('}');
        while (header.length() % 8 != 0) {
            header.append(' ');
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .array();
    }

    private void writeWeights(FileChannel channel, byte[] header) throws IOException {
        write(channel, ByteBuffer.wrap(header));
        SplittableRandom random = new SplittableRandom(seed);
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (long[] shape : tensors().values()) {
            boolean gain = shape.length == 1;
            writeTensor(channel, buffer, random, elements(shape), gain ? 0 : scale(shape[1]));
        }
    }

    /** Half the width of uniform values whose products with a vector keep its size. */
    static float scale(long columns) {
        return (float) Math.sqrt(3.0 / columns);
    }

    private static long elements(long[] shape) {
        long elements = 1;
        for (long size : shape) {
            elements *= size;
        }
        return elements;
    }

    /** bf16 values in {@code -scale..scale}, or all ones for a scale of 0. */
    private static void writeTensor(
            FileChannel channel, ByteBuffer buffer, SplittableRandom random, long elements, float scale)
            throws IOException {
        for (long done = 0; done < elements; ) {
            buffer.clear();
            int count = (int) Math.min(elements - done, buffer.capacity() / 2);
            long bits = 0;
            for (int i = 0; i < count; i++) {
                if (i % 4 == 0) {
                    bits = random.nextLong();
                }
                float value = scale == 0 ? 1 : ((short) bits) * scale / 32768;
                bits >>>= 16;
                buffer.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
            }
            write(channel, buffer.flip());
            done += count;
        }
    }

    static void write(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
