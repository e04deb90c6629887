package io.sliminfer.format;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A model folder as a GGUF file, as llama.cpp's {@code convert_hf_to_gguf.py} writes it: vectors in F32, matrices in one type, the rows of
 * Q and K of llama in pairs. For tests; llama.cpp reads what it makes.
 */
public final class GgufExport {

    private static final Map<String, String> NAMES = Map.ofEntries(
            Map.entry("model.embed_tokens", "token_embd"),
            Map.entry("lm_head", "output"),
            Map.entry("model.norm", "output_norm"),
            Map.entry("input_layernorm", "attn_norm"),
            Map.entry("post_attention_layernorm", "ffn_norm"),
            Map.entry("self_attn.q_proj", "attn_q"),
            Map.entry("self_attn.k_proj", "attn_k"),
            Map.entry("self_attn.v_proj", "attn_v"),
            Map.entry("self_attn.o_proj", "attn_output"),
            Map.entry("self_attn.q_norm", "attn_q_norm"),
            Map.entry("self_attn.k_norm", "attn_k_norm"),
            Map.entry("mlp.gate_proj", "ffn_gate"),
            Map.entry("mlp.up_proj", "ffn_up"),
            Map.entry("mlp.down_proj", "ffn_down"));

    private GgufExport() {}

    /** {@code GgufExport FOLDER TYPE FILE}: how files for the quality table of formats are made (docs/quality.md). */
    public static void main(String[] arguments) {
        if (arguments.length != 3) {
            throw new IllegalArgumentException(
                    "three arguments are needed: model folder, type such as Q4_K, file to write");
        }
        write(Path.of(arguments[0]), arguments[1], Path.of(arguments[2]));
    }

    /**
     * @param type name of a type, such as {@code Q4_K}
     */
    public static Path write(Path folder, String type, Path file) {
        return builder(folder, GgufType.valueOf(type)).write(file);
    }

    /** @param type name of a type */
    public static GgufBuilder builder(Path folder, String type) {
        return builder(folder, GgufType.valueOf(type));
    }

    static GgufBuilder builder(Path folder, GgufType type) {
        try (ModelFolder model = ModelFolder.open(folder)) {
            GgufBuilder gguf = new GgufBuilder();
            describe(gguf, model.config());
            addTokenizer(gguf, model, folder.resolve("tokenizer.json"));
            for (ExpectedTensor tensor : ExpectedTensor.of(model.config())) {
                add(gguf, model, tensor, type);
            }
            return gguf;
        }
    }

    private static void describe(GgufBuilder gguf, ModelConfig model) {
        String prefix = model.architecture().equals("mistral") ? "llama" : model.architecture();
        gguf.text("general.architecture", prefix);
        gguf.text("general.name", "test");
        gguf.number(prefix + ".context_length", model.maxPositions());
        gguf.number(prefix + ".embedding_length", model.hidden());
        gguf.number(prefix + ".block_count", model.layers());
        gguf.number(prefix + ".feed_forward_length", model.intermediate());
        gguf.number(prefix + ".attention.head_count", model.heads());
        gguf.number(prefix + ".attention.head_count_kv", model.kvHeads());
        gguf.number(prefix + ".attention.key_length", model.headDim());
        gguf.number(prefix + ".attention.value_length", model.headDim());
        gguf.number(prefix + ".rope.dimension_count", model.headDim());
        gguf.number(prefix + ".vocab_size", model.vocabulary());
        gguf.real(prefix + ".attention.layer_norm_rms_epsilon", model.normEpsilon());
        gguf.real(prefix + ".rope.freq_base", (float) model.rope().theta());
        if (model.rope().scaling() instanceof RopeConfig.Linear linear) {
            gguf.text(prefix + ".rope.scaling.type", "linear");
            gguf.real(prefix + ".rope.scaling.factor", (float) linear.factor());
        } else if (model.rope().scaling() instanceof RopeConfig.Yarn yarn) {
            gguf.text(prefix + ".rope.scaling.type", "yarn");
            gguf.real(prefix + ".rope.scaling.factor", (float) yarn.factor());
            gguf.number(prefix + ".rope.scaling.original_context_length", yarn.originalMaxPositions());
        } else if (model.rope().scaling() instanceof RopeConfig.Llama3 llama3) {
            gguf.tensor(GgufCheckpoint.ROPE_FACTORS, divisors(llama3, model));
        }
    }

    /** As {@code generate_extra_tensors} of LlamaModel. */
    private static float[] divisors(RopeConfig.Llama3 rope, ModelConfig model) {
        float[] divisors = new float[model.headDim() / 2];
        for (int i = 0; i < divisors.length; i++) {
            double frequency = 1 / Math.pow(model.rope().theta(), 2.0 * i / model.headDim());
            double wave = 2 * Math.PI / frequency;
            double low = rope.originalMaxPositions() / rope.lowFrequencyFactor();
            double high = rope.originalMaxPositions() / rope.highFrequencyFactor();
            if (wave < high) {
                divisors[i] = 1;
            } else if (wave > low) {
                divisors[i] = (float) rope.factor();
            } else {
                double smooth = (rope.originalMaxPositions() / wave - rope.lowFrequencyFactor())
                        / (rope.highFrequencyFactor() - rope.lowFrequencyFactor());
                divisors[i] = (float) (1 / ((1 - smooth) / rope.factor() + smooth));
            }
        }
        return divisors;
    }

    /** Byte-level vocabularies whose cutting is Qwen2's, as the small model's is. */
    private static void addTokenizer(GgufBuilder gguf, ModelFolder model, Path file) {
        if (!Files.exists(file)) {
            return;
        }
        JsonNode json;
        try {
            json = new JsonMapper().readTree(Files.readString(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Map<Integer, String> tokens = new TreeMap<>();
        json.get("model")
                .get("vocab")
                .properties()
                .forEach(entry -> tokens.put(entry.getValue().intValue(), entry.getKey()));
        Map<Integer, Integer> kinds = new TreeMap<>();
        tokens.keySet().forEach(id -> kinds.put(id, 1));
        for (JsonNode added : json.get("added_tokens")) {
            tokens.put(added.get("id").intValue(), added.get("content").stringValue());
            kinds.put(added.get("id").intValue(), added.get("special").booleanValue() ? 3 : 4);
        }
        List<String> merges = new ArrayList<>();
        json.get("model")
                .get("merges")
                .forEach(merge -> merges.add(
                        merge.isString()
                                ? merge.stringValue()
                                : merge.get(0).stringValue() + " "
                                        + merge.get(1).stringValue()));
        gguf.text("tokenizer.ggml.model", "gpt2");
        gguf.text("tokenizer.ggml.pre", "qwen2");
        gguf.texts("tokenizer.ggml.tokens", List.copyOf(tokens.values()));
        gguf.numbers("tokenizer.ggml.token_type", List.copyOf(kinds.values()));
        gguf.texts("tokenizer.ggml.merges", merges);
        gguf.flag("tokenizer.ggml.add_bos_token", false);
        List<String> all = List.copyOf(tokens.values());
        addId(gguf, "bos_token_id", all.indexOf(model.specialTokens().get("bos_token")));
        addId(gguf, "eos_token_id", model.config().endOfSequence().iterator().next());
        addId(gguf, "padding_token_id", all.indexOf(model.specialTokens().get("pad_token")));
        model.chatTemplate().ifPresent(template -> gguf.text("tokenizer.chat_template", template));
    }

    private static void addId(GgufBuilder gguf, String key, int id) {
        if (id >= 0) {
            gguf.number("tokenizer.ggml." + key, id);
        }
    }

    private static void add(GgufBuilder gguf, ModelFolder model, ExpectedTensor tensor, GgufType type) {
        TensorSource source = model.tensor(tensor.name());
        boolean vector = tensor.shape().size() == 1;
        int columns = (int) source.columns();
        GgufType used = vector ? GgufType.F32 : type;
        byte[] data = new byte[(int) source.rows() * columns / used.elements * used.bytes];
        ByteBuffer out = ByteBuffer.wrap(data);
        int headDim = model.config().headDim();
        for (int row = 0; row < source.rows(); row++) {
            int from = isPaired(model, tensor.name()) && !vector ? unpaired(row, headDim) : row;
            float[] values = row(source, from);
            if (isPaired(model, tensor.name()) && vector) {
                float[] paired = new float[columns];
                for (int i = 0; i < columns; i++) {
                    paired[i] = values[unpaired(i, headDim)];
                }
                values = paired;
            }
            out.put(GgufQuantizer.encode(used, values));
        }
        gguf.tensor(name(tensor.name()), used, tensor.shape(), data);
    }

    private static boolean isPaired(ModelFolder model, String tensor) {
        return (tensor.contains("q_proj") || tensor.contains("k_proj"))
                && List.of("llama", "mistral").contains(model.config().architecture());
    }

    /** Which row comes at a place: {@code reshape(heads, 2, headDim / 2).swapaxes(1, 2)}. */
    private static int unpaired(int at, int headDim) {
        int head = at / headDim;
        int pair = at % headDim / 2;
        return head * headDim + at % 2 * (headDim / 2) + pair;
    }

    static float[] row(TensorSource source, long row) {
        float[] values = new float[(int) source.columns()];
        ByteBuffer bytes = source.rows(row, row + 1);
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (source.dtype()) {
                case F32 -> bytes.getFloat();
                case F16 -> HalfFloats.f16ToFloat(bytes.getShort());
                case BF16 -> HalfFloats.bf16ToFloat(bytes.getShort());
                case I32 -> throw new IllegalArgumentException(source.name());
            };
        }
        return values;
    }

    static String name(String tensor) {
        int dot = tensor.lastIndexOf('.');
        String base = tensor.substring(0, dot);
        String kind = tensor.substring(dot);
        if (!base.startsWith("model.layers.")) {
            return NAMES.get(base) + kind;
        }
        String[] parts = base.split("\\.", 4);
        return "blk." + parts[2] + "." + NAMES.get(parts[3]) + kind;
    }
}
