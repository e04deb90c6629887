package io.sliminfer.format;

import java.util.Set;

/**
 * What the forward pass needs to know of a model, read from {@code config.json} and checked.
 *
 * @param architecture    Hugging Face {@code model_type}: llama, mistral, qwen2 or qwen3
 * @param hidden          hidden size
 * @param intermediate    FFN size
 * @param headDim         size of a head, which need not be {@code hidden / heads}
 * @param attentionBias   whether q, k and v projections have a bias
 * @param outputBias      whether the attention's output projection has a bias
 * @param mlpBias         whether gate, up and down projections have a bias
 * @param qkNorm          whether q and k heads are RMS-normalised before RoPE
 * @param tiedEmbeddings  whether the output head is the embedding table
 * @param maxPositions    longest sequence the model was made for
 * @param endOfSequence   ids that end an answer, {@code generation_config.json} included
 * @param dtype           dtype that the file's weights mostly have
 */
public record ModelConfig(
        String architecture,
        int vocabulary,
        int hidden,
        int intermediate,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        float normEpsilon,
        RopeConfig rope,
        boolean attentionBias,
        boolean outputBias,
        boolean mlpBias,
        boolean qkNorm,
        boolean tiedEmbeddings,
        int maxPositions,
        Set<Integer> endOfSequence,
        DType dtype) {

    /** Columns of all query heads. */
    public int queryColumns() {
        return heads * headDim;
    }

    /** Columns of all key heads (and as many of all value heads). */
    public int kvColumns() {
        return kvHeads * headDim;
    }

    /** Numbers that the model has learned; a head that is the embedding table is counted once. */
    public long parameters() {
        return ExpectedTensor.of(this).stream()
                .mapToLong(tensor -> tensor.shape().stream().reduce(1L, (a, b) -> a * b))
                .sum();
    }
}
