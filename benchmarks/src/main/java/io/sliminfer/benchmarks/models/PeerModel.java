package io.sliminfer.benchmarks.models;

import io.sliminfer.format.ModelConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A GGUF file of the shape of a model with seeded random weights, so that llama.cpp multiplies as many and as large matrices as
 * this engine. Architecture {@code llama} with tied embeddings whatever the model is; biases and QK norms are left out (far
 * below one per cent of the work).
 *
 * <p>Its tokenizer gives each of {@link #CHARACTERS} characters from {@link #FIRST_CHARACTER} on a token of its own and merges
 * nothing: a text of n such characters has exactly n tokens.
 */
public final class PeerModel {

    /** First of the CJK ideographs, a long run of assigned characters that no normalisation changes. */
    public static final int FIRST_CHARACTER = 0x4E00;

    /** Ids before the characters: unknown, begin, end, and 256 bytes, which llama.cpp expects of this kind of tokenizer. */
    public static final int RESERVED_TOKENS = 3 + 256;

    /** Most characters that get a token; a larger vocabulary is filled up. */
    private static final int CHARACTERS_MAX = 20_000;

    private static final long SEED = 7;

    // Kinds of tokens, from llama.h.
    private static final int NORMAL = 1;
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int UNUSED = 5;
    private static final int BYTE = 6;

    private PeerModel() {}

    /** Characters of a vocabulary that have a token of their own. */
    public static int characters(int vocabulary) {
        return Math.min(CHARACTERS_MAX, vocabulary - RESERVED_TOKENS);
    }

    /**
     * The file below {@code cache}, written first if it is not there.
     *
     * @throws IllegalArgumentException if the shape cannot be written in this type, or the disk has too little room
     */
    public static Path file(ModelConfig model, GgufWriter.Type type, Path cache) {
        requireVocabulary(model);
        GgufWriter gguf = new GgufWriter();
        describe(gguf, model);
        addTokenizer(gguf, model.vocabulary());
        addTensors(gguf, model, type);
        String name = fileName(model, type.name().toLowerCase(java.util.Locale.ROOT)) + ".gguf";
        return CachedFile.write(cache.resolve(name), gguf.bytes(), channel -> gguf.writeTo(channel, SEED));
    }

    /** A name that holds all that the content depends on. */
    static String fileName(ModelConfig model, String type) {
        return "peer-h%d-f%d-l%d-a%d-k%d-d%d-v%d-p%d-%s"
                .formatted(
                        model.hidden(),
                        model.intermediate(),
                        model.layers(),
                        model.heads(),
                        model.kvHeads(),
                        model.headDim(),
                        model.vocabulary(),
                        model.maxPositions(),
                        type);
    }

    /** @throws IllegalArgumentException if the tokenizer of peers does not fit */
    static void requireVocabulary(ModelConfig model) {
        if (model.vocabulary() <= RESERVED_TOKENS) {
            throw new IllegalArgumentException("the tokenizer of peers needs a vocabulary of more than "
                    + RESERVED_TOKENS + " tokens; the model has " + model.vocabulary());
        }
    }

    /** Tokens in the order of their ids. */
    static List<String> tokens(int vocabulary) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        for (int i = 0; i < 256; i++) {
            tokens.add("<0x%02X>".formatted(i));
        }
        for (int i = 0; tokens.size() < vocabulary; i++) {
            tokens.add(i < CHARACTERS_MAX ? Character.toString(FIRST_CHARACTER + i) : "<unused " + i + ">");
        }
        return tokens;
    }

    private static void describe(GgufWriter gguf, ModelConfig model) {
        gguf.text("general.architecture", "llama");
        gguf.text("general.name", "random weights");
        gguf.number("llama.context_length", model.maxPositions());
        gguf.number("llama.embedding_length", model.hidden());
        gguf.number("llama.block_count", model.layers());
        gguf.number("llama.feed_forward_length", model.intermediate());
        gguf.number("llama.attention.head_count", model.heads());
        gguf.number("llama.attention.head_count_kv", model.kvHeads());
        gguf.number("llama.attention.key_length", model.headDim());
        gguf.number("llama.attention.value_length", model.headDim());
        gguf.number("llama.rope.dimension_count", model.headDim());
        gguf.number("llama.vocab_size", model.vocabulary());
        gguf.real("llama.attention.layer_norm_rms_epsilon", model.normEpsilon());
        gguf.real("llama.rope.freq_base", 500_000);
    }

    private static void addTokenizer(GgufWriter gguf, int vocabulary) {
        List<Integer> kinds = new ArrayList<>(List.of(UNKNOWN, CONTROL, CONTROL));
        for (int id = kinds.size(); id < vocabulary; id++) {
            kinds.add(id < RESERVED_TOKENS ? BYTE : id < RESERVED_TOKENS + CHARACTERS_MAX ? NORMAL : UNUSED);
        }
        gguf.text("tokenizer.ggml.model", "llama");
        gguf.texts("tokenizer.ggml.tokens", tokens(vocabulary));
        gguf.reals("tokenizer.ggml.scores", new float[vocabulary]);
        gguf.integers("tokenizer.ggml.token_type", kinds);
        gguf.number("tokenizer.ggml.unknown_token_id", 0);
        gguf.number("tokenizer.ggml.bos_token_id", 1);
        gguf.number("tokenizer.ggml.eos_token_id", 2);
        gguf.flag("tokenizer.ggml.add_bos_token", false);
        gguf.flag("tokenizer.ggml.add_eos_token", false);
        gguf.flag("tokenizer.ggml.add_space_prefix", false);
    }

    private static void addTensors(GgufWriter gguf, ModelConfig model, GgufWriter.Type type) {
        int hidden = model.hidden();
        gguf.matrix("token_embd.weight", type, model.vocabulary(), hidden);
        for (int i = 0; i < model.layers(); i++) {
            String layer = "blk." + i + ".";
            gguf.ones(layer + "attn_norm.weight", hidden);
            gguf.matrix(layer + "attn_q.weight", type, model.queryColumns(), hidden);
            gguf.matrix(layer + "attn_k.weight", type, model.kvColumns(), hidden);
            gguf.matrix(layer + "attn_v.weight", type, model.kvColumns(), hidden);
            gguf.matrix(layer + "attn_output.weight", type, hidden, model.queryColumns());
            gguf.ones(layer + "ffn_norm.weight", hidden);
            gguf.matrix(layer + "ffn_gate.weight", type, model.intermediate(), hidden);
            gguf.matrix(layer + "ffn_up.weight", type, model.intermediate(), hidden);
            gguf.matrix(layer + "ffn_down.weight", type, hidden, model.intermediate());
        }
        gguf.ones("output_norm.weight", hidden);
    }
}
