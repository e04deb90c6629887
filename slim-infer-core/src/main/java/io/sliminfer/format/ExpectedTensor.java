package io.sliminfer.format;

import java.util.ArrayList;
import java.util.List;

/**
 * A tensor that the architecture needs.
 *
 * @param sizes the shape in words of config.json, for messages
 */
record ExpectedTensor(String name, List<Long> shape, String sizes) {

    static final String EMBEDDING = "model.embed_tokens.weight";
    static final String OUTPUT_HEAD = "lm_head.weight";

    /** All tensors of a model, in the order of the forward pass; the output head is left out where it is the embedding table. */
    static List<ExpectedTensor> of(ModelConfig config) {
        List<ExpectedTensor> tensors = new ArrayList<>();
        String vocabulary = "vocab_size=" + config.vocabulary();
        String hidden = "hidden_size=" + config.hidden();
        tensors.add(matrix(EMBEDDING, config.vocabulary(), config.hidden(), vocabulary + ", " + hidden));
        for (int layer = 0; layer < config.layers(); layer++) {
            addLayer(tensors, "model.layers." + layer + ".", config);
        }
        tensors.add(vector("model.norm.weight", config.hidden(), hidden));
        if (!config.tiedEmbeddings()) {
            tensors.add(matrix(
                    OUTPUT_HEAD,
                    config.vocabulary(),
                    config.hidden(),
                    vocabulary + ", " + hidden + ", tie_word_embeddings=false"));
        }
        return tensors;
    }

    private static void addLayer(List<ExpectedTensor> tensors, String layer, ModelConfig config) {
        String headDim = "head_dim=" + config.headDim();
        String query = "num_attention_heads=" + config.heads() + ", " + headDim;
        String keyValue = "num_key_value_heads=" + config.kvHeads() + ", " + headDim;
        String hidden = "hidden_size=" + config.hidden();
        String intermediate = "intermediate_size=" + config.intermediate();
        String attention = layer + "self_attn.";
        String mlp = layer + "mlp.";

        tensors.add(vector(layer + "input_layernorm.weight", config.hidden(), hidden));
        addProjection(
                tensors,
                attention + "q_proj",
                config.queryColumns(),
                config.hidden(),
                query,
                hidden,
                config.attentionBias());
        addProjection(
                tensors,
                attention + "k_proj",
                config.kvColumns(),
                config.hidden(),
                keyValue,
                hidden,
                config.attentionBias());
        addProjection(
                tensors,
                attention + "v_proj",
                config.kvColumns(),
                config.hidden(),
                keyValue,
                hidden,
                config.attentionBias());
        if (config.qkNorm()) {
            tensors.add(vector(attention + "q_norm.weight", config.headDim(), headDim));
            tensors.add(vector(attention + "k_norm.weight", config.headDim(), headDim));
        }
        addProjection(
                tensors,
                attention + "o_proj",
                config.hidden(),
                config.queryColumns(),
                hidden,
                query,
                config.outputBias());
        tensors.add(vector(layer + "post_attention_layernorm.weight", config.hidden(), hidden));
        for (String projection : List.of("gate_proj", "up_proj")) {
            addProjection(
                    tensors,
                    mlp + projection,
                    config.intermediate(),
                    config.hidden(),
                    intermediate,
                    hidden,
                    config.mlpBias());
        }
        addProjection(
                tensors,
                mlp + "down_proj",
                config.hidden(),
                config.intermediate(),
                hidden,
                intermediate,
                config.mlpBias());
    }

    private static void addProjection(
            List<ExpectedTensor> tensors,
            String name,
            long rows,
            long columns,
            String rowSizes,
            String columnSizes,
            boolean bias) {
        tensors.add(matrix(name + ".weight", rows, columns, rowSizes + ", " + columnSizes));
        if (bias) {
            tensors.add(vector(name + ".bias", rows, rowSizes));
        }
    }

    private static ExpectedTensor matrix(String name, long rows, long columns, String sizes) {
        return new ExpectedTensor(name, List.of(rows, columns), sizes);
    }

    private static ExpectedTensor vector(String name, long size, String sizes) {
        return new ExpectedTensor(name, List.of(size), sizes);
    }
}
