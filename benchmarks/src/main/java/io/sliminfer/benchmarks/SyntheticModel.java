package io.sliminfer.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A model folder of a given shape with seeded random bf16 weights, for measuring speed at sizes that no bundled model has. The
 * same shape and seed give the same bytes everywhere. It goes through the same loader as a published model.
 *
 * @param name short name, as in {@code synthetic:1b}
 */
record SyntheticModel(
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

    private static final Map<String, SyntheticModel> SHAPES = Map.of(
            "1b", new SyntheticModel("1b", 2048, 8192, 16, 32, 8, 64, 32768, 32768, 7),
            "100m", new SyntheticModel("100m", 768, 2048, 12, 12, 4, 64, 8192, 16384, 7),
            "8b", new SyntheticModel("8b", 4096, 14336, 32, 32, 8, 128, 128256, 131072, 7));

    /**
     * The shape behind {@code synthetic:NAME}.
     *
     * @throws IllegalArgumentException naming the shapes there are
     */
    static SyntheticModel shape(String name) {
        SyntheticModel model = SHAPES.get(name);
        if (model == null) {
            throw new IllegalArgumentException("synthetic:" + name + " is unknown: there are "
                    + String.join(
                            ", ",
                            SHAPES.keySet().stream()
                                    .sorted()
                                    .map(n -> "synthetic:" + n)
                                    .toList()));
        }
        return model;
    }

    /** The model's folder below {@code cache}, written first if it is not there. */
    Path folder(Path cache) {
        Path folder = cache.resolve("synthetic-" + name + "-seed" + seed);
        if (Files.exists(folder.resolve("model.safetensors"))) {
            return folder;
        }
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve("config.json"), config());
            Path part = folder.resolve("model.safetensors.part");
            writeWeights(part);
            Files.move(part, folder.resolve("model.safetensors"), StandardCopyOption.ATOMIC_MOVE);
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException("could not write the synthetic model to " + folder, e);
        }
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

    private void writeWeights(Path file) throws IOException {
        StringBuilder header = new StringBuilder("{");
        long offset = 0;
        for (Map.Entry<String, long[]> tensor : tensors().entrySet()) {
            long bytes = elements(tensor.getValue()) * 2;
            header.append(header.length() > 1 ? "," : "")
                    .append("\"%s\":{\"dtype\":\"BF16\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                            .formatted(
                                    tensor.getKey(),
                                    java.util.Arrays.toString(tensor.getValue()),
                                    offset,
                                    offset + bytes));
            offset += bytes;
        }
        header.append('}');
        while (header.length() % 8 != 0) {
            header.append(' ');
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer head = ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN);
            head.putLong(json.length).put(json).flip();
            channel.write(head);
            SplittableRandom random = new SplittableRandom(seed);
            ByteBuffer buffer = ByteBuffer.allocateDirect(8 << 20).order(ByteOrder.LITTLE_ENDIAN);
            for (Map.Entry<String, long[]> tensor : tensors().entrySet()) {
                boolean gain = tensor.getValue().length == 1;
                writeTensor(channel, buffer, random, elements(tensor.getValue()), gain ? 0 : scale(tensor.getValue()));
            }
        }
    }

    /** Uniform values whose products keep the size of their inputs. */
    private static float scale(long[] shape) {
        return (float) Math.sqrt(3.0 / shape[1]);
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
            buffer.flip();
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            done += count;
        }
    }
}
