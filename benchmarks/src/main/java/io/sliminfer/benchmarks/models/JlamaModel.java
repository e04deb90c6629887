package io.sliminfer.benchmarks.models;

import io.sliminfer.format.ModelConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A model folder of the shape of a model with seeded random weights in the form that Jlama's own {@code quantize} command writes: safetensors
 * with the types {@code Q4} (32 weights in 16 bytes; the first half of a block in the low bits) and, as {@code NAME.qb}, a float32
 * scale for each block; a weight is {@code (bits - 8) * scale}. Norms are float32. Always of the architecture {@code llama} with
 * tied embeddings and without biases, like {@link PeerModel}, and with its tokenizer.
 */
public final class JlamaModel {

    private static final long SEED = 7;
    private static final int BLOCK = 32;
    private static final int BUFFER_BYTES = 1 << 20;

    /** @param rows 0 for a vector of ones */
    private record Shape(long rows, long columns) {
        long bytes() {
            return rows == 0 ? Float.BYTES * columns : rows * columns / 2;
        }

        long scaleBytes() {
            return rows == 0 ? 0 : rows * columns / BLOCK * Float.BYTES;
        }
    }

    private JlamaModel() {}

    /**
     * The folder below {@code cache}, written first if it is not there.
     *
     * @throws IllegalArgumentException if Jlama cannot run the shape, or the disk has too little room
     */
    public static Path folder(ModelConfig model, Path cache) {
        require(model);
        Path folder = cache.resolve(PeerModel.fileName(model, "jlama-q4"));
        write(folder.resolve("config.json"), config(model));
        write(folder.resolve("tokenizer.json"), tokenizer(model.vocabulary()));
        Map<String, Shape> tensors = tensors(model);
        byte[] header = header(tensors);
        long bytes = header.length
                + tensors.values().stream()
                        .mapToLong(shape -> shape.bytes() + shape.scaleBytes())
                        .sum();
        CachedFile.write(folder.resolve("model.safetensors"), bytes, channel -> writeWeights(channel, header, tensors));
        return folder;
    }

    private static void require(ModelConfig model) {
        PeerModel.requireVocabulary(model);
        if (model.headDim() * model.heads() != model.hidden()) {
            throw new IllegalArgumentException(
                    "Jlama takes the head size of a Llama to be hidden / heads; the model has " + model.heads()
                            + " heads of " + model.headDim() + " and a hidden size of " + model.hidden());
        }
        if (model.hidden() % BLOCK != 0 || model.intermediate() % BLOCK != 0) {
            throw new IllegalArgumentException("Q4 needs rows of a multiple of " + BLOCK + " weights; the model has "
                    + model.hidden() + " and " + model.intermediate());
        }
    }

    private static void write(Path file, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        CachedFile.write(file, bytes.length, channel -> SyntheticModel.write(channel, ByteBuffer.wrap(bytes)));
    }

    /** The end of an answer is no id, so that answers have the length that was asked for. */
    private static String config(ModelConfig model) {
        return String.format(
                Locale.ROOT,
                """
                {
                  "architectures": ["LlamaForCausalLM"],
                  "model_type": "llama",
                  "hidden_size": %d,
                  "intermediate_size": %d,
                  "num_hidden_layers": %d,
                  "num_attention_heads": %d,
                  "num_key_value_heads": %d,
                  "vocab_size": %d,
                  "max_position_embeddings": %d,
                  "hidden_act": "silu",
                  "rms_norm_eps": 1e-05,
                  "rope_theta": 500000.0,
                  "tie_word_embeddings": true,
                  "bos_token_id": 1,
                  "eos_token_id": %d
                }
                """,
                model.hidden(),
                model.intermediate(),
                model.layers(),
                model.heads(),
                model.kvHeads(),
                model.vocabulary(),
                model.maxPositions(),
                model.vocabulary());
    }

    /** Splits a text into its characters first, because Jlama's search for merges is quadratic in a piece. */
    private static String tokenizer(int vocabulary) {
        StringBuilder json = new StringBuilder(
                """
                {"version":"1.0","added_tokens":[],
                "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"."},"behavior":"Isolated","invert":false}]},
                "model":{"type":"BPE","unk_token":"<unk>","fuse_unk":false,"byte_fallback":false,"merges":[],"vocab":{""");
        int id = 0;
        for (String token : PeerModel.tokens(vocabulary)) {
            json.append(id == 0 ? "" : ",")
                    .append('"')
                    .append(token)
                    .append("\":")
                    .append(id++);
        }
        return json.append("}}}\n").toString();
    }

    private static Map<String, Shape> tensors(ModelConfig model) {
        int hidden = model.hidden();
        Map<String, Shape> tensors = new LinkedHashMap<>();
        tensors.put("model.embed_tokens.weight", new Shape(model.vocabulary(), hidden));
        for (int i = 0; i < model.layers(); i++) {
            String layer = "model.layers." + i + ".";
            tensors.put(layer + "input_layernorm.weight", new Shape(0, hidden));
            tensors.put(layer + "self_attn.q_proj.weight", new Shape(model.queryColumns(), hidden));
            tensors.put(layer + "self_attn.k_proj.weight", new Shape(model.kvColumns(), hidden));
            tensors.put(layer + "self_attn.v_proj.weight", new Shape(model.kvColumns(), hidden));
            tensors.put(layer + "self_attn.o_proj.weight", new Shape(hidden, model.queryColumns()));
            tensors.put(layer + "post_attention_layernorm.weight", new Shape(0, hidden));
            tensors.put(layer + "mlp.gate_proj.weight", new Shape(model.intermediate(), hidden));
            tensors.put(layer + "mlp.up_proj.weight", new Shape(model.intermediate(), hidden));
            tensors.put(layer + "mlp.down_proj.weight", new Shape(hidden, model.intermediate()));
        }
        tensors.put("model.norm.weight", new Shape(0, hidden));
        return tensors;
    }

    private static byte[] header(Map<String, Shape> tensors) {
        StringBuilder json = new StringBuilder("{");
        long offset = 0;
        for (Map.Entry<String, Shape> tensor : tensors.entrySet()) {
            Shape shape = tensor.getValue();
            boolean vector = shape.rows == 0;
            String sizes = vector ? "[" + shape.columns + "]" : "[" + shape.rows + "," + shape.columns + "]";
            offset = describe(json, tensor.getKey(), vector ? "F32" : "Q4", sizes, offset, shape.bytes());
            if (!vector) {
                String scales = "[" + shape.rows + "," + shape.columns / BLOCK + "]";
                offset = describe(json, tensor.getKey() + ".qb", "F32", scales, offset, shape.scaleBytes());
            }
        }
        json.append('}');
        while (json.length() % 8 != 0) {
            json.append(' ');
        }
        byte[] text = json.toString().getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(Long.BYTES + text.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length)
                .put(text)
                .array();
    }

    /** Appends a tensor; returns where the next one starts. */
    private static long describe(StringBuilder json, String name, String type, String sizes, long offset, long bytes) {
        json.append(json.length() > 1 ? "," : "")
                .append("\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                        .formatted(name, type, sizes, offset, offset + bytes));
        return offset + bytes;
    }

    private static void writeWeights(FileChannel channel, byte[] header, Map<String, Shape> tensors)
            throws IOException {
        SyntheticModel.write(channel, ByteBuffer.wrap(header));
        SplittableRandom random = new SplittableRandom(SEED);
        byte[] bits = new byte[BUFFER_BYTES];
        for (Shape shape : tensors.values()) {
            if (shape.rows == 0) {
                writeFloats(channel, shape.columns, 1);
                continue;
            }
            for (long done = 0; done < shape.bytes(); ) {
                int count = (int) Math.min(bits.length, shape.bytes() - done);
                random.nextBytes(bits);
                SyntheticModel.write(channel, ByteBuffer.wrap(bits, 0, count));
                done += count;
            }
            writeFloats(channel, shape.scaleBytes() / Float.BYTES, SyntheticModel.scale(shape.columns) / 8);
        }
    }

    private static void writeFloats(FileChannel channel, long count, float value) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            buffer.putFloat(value);
        }
        for (long done = 0; done < count * Float.BYTES; ) {
            int bytes = (int) Math.min(BUFFER_BYTES, count * Float.BYTES - done);
            SyntheticModel.write(channel, buffer.duplicate().clear().limit(bytes));
            done += bytes;
        }
    }
}
