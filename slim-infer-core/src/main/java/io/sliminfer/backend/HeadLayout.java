package io.sliminfer.backend;

import org.jspecify.annotations.Nullable;

/**
 * How the columns of q, k and v divide into heads. Query head h reads KV head {@code h / (heads / kvHeads)}.
 *
 * @param queryNorm   gain of the RMS norm of each query head before RoPE (Qwen3), or null
 * @param keyNorm     the same for key heads
 * @param normEpsilon epsilon of those norms
 * @param rope        {@code [positions, headDim]} float32: cos of the {@code headDim / 2} frequencies, then their sin
 */
public record HeadLayout(
        int heads,
        int kvHeads,
        int headDim,
        @Nullable Weight queryNorm,
        @Nullable Weight keyNorm,
        float normEpsilon,
        Tensor rope) {

    public int queryColumns() {
        return heads * headDim;
    }

    public int kvColumns() {
        return kvHeads * headDim;
    }

    /** Query heads that share a KV head. */
    public int group() {
        return heads / kvHeads;
    }
}
