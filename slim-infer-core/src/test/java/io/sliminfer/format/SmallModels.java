package io.sliminfer.format;

import java.util.List;
import java.util.Random;

/** Small random models that differ in what the forward pass distinguishes: heads, biases, QK-norm, tied embeddings, depth. */
public final class SmallModels {

    private SmallModels() {}

    /** Llama: 6 layers, hidden size 32, 4 query and 2 KV heads of 16, vocabulary 64, 4096 positions. */
    public static ModelFolderWriter llama() {
        return new ModelFolderWriter("llama")
                .config("num_hidden_layers", "6")
                .config("hidden_size", "32")
                .config("head_dim", "16")
                .config("intermediate_size", "48")
                .config("vocab_size", "64");
    }

    /** Qwen3: 5 layers, QK-norm, 6 query heads on 2 KV heads of 6, hidden size that is no multiple of the heads. */
    public static ModelFolderWriter qwen3() {
        return new ModelFolderWriter("qwen3")
                .config("num_hidden_layers", "5")
                .config("hidden_size", "40")
                .config("num_attention_heads", "6")
                .config("head_dim", "6")
                .config("intermediate_size", "56")
                .config("vocab_size", "50");
    }

    /** Qwen2: 4 layers, biases, tied embeddings, one KV head for each query head. */
    public static ModelFolderWriter qwen2() {
        return new ModelFolderWriter("qwen2")
                .without("head_dim")
                .config("num_hidden_layers", "4")
                .config("hidden_size", "48")
                .config("num_attention_heads", "3")
                .config("num_key_value_heads", "3")
                .config("tie_word_embeddings", "true")
                .config("vocab_size", "70");
    }

    /** One of each. */
    public static List<ModelFolderWriter> all() {
        return List.of(llama(), qwen3(), qwen2());
    }

    /** Random ids of a vocabulary, the same for the same seed. */
    public static int[] prompt(long seed, int tokens, int vocabulary) {
        return new Random(seed).ints(tokens, 0, vocabulary).toArray();
    }
}
