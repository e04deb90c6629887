package io.sliminfer.backend;

import io.sliminfer.prune.PruneShape;

/**
 * The operations of the forward pass. Each is one fusion unit: what a good kernel does in one launch. The reference backend
 * spells each out in plain loops and every backend is tested against it.
 *
 * <p>Activations have the backend's compute dtype unless said otherwise; the residual stream {@code x}, logits and scores are
 * float32, ids, positions and ranks are int32. Output tensors may have more columns than are written only where said.
 */
public interface Ops {

    /** Copies host ints into the first elements of {@code to} (int32). The array may be reused when the call returns. */
    void write(Tensor to, int[] values, int count);

    /** Copies host floats into the first elements of {@code to} (float32), starting at row {@code row}. */
    void write(Tensor to, long row, float[] values, int count);

    /** {@code x[r] = table[ids[r]]}; x float32 {@code [rows, hidden]}, ids int32 with at least as many elements. */
    void embed(Tensor x, Tensor ids, Weight table);

    /** {@code out[r] = x[r] / sqrt(mean(x[r]^2) + epsilon) * gain}; x float32. */
    void rmsNorm(Tensor out, Tensor x, Weight gain, float epsilon);

    /** {@code out = in * w^T + bias}; out has the compute dtype or is float32. */
    void linear(Tensor out, Tensor in, Weight w);

    /** {@code x += in * w^T + bias}; x float32. */
    void linearAdd(Tensor x, Tensor in, Weight w);

    /**
     * {@code out = silu(in * gate^T + bias) * (in * up^T + bias)}: SwiGLU over a weight of two parts, gate above up.
     */
    void gatedLinear(Tensor out, Tensor in, Weight gateUp);

    /**
     * Splits {@code qkv} ({@code [rows, queryColumns + 2 * kvColumns]}) into heads, normalises q and k heads where the layout says
     * so, rotates q and k by position (halves of a head are the pairs, as Hugging Face lays them out), writes q to {@code q}
     * ({@code [rows, queryColumns]}) and k and v into the slots of {@code kv}.
     *
     * @param qkv float32: rotating before rounding keeps a bit of precision, and it is short-lived
     * @param positions int32, one for each row
     */
    void ropeAndStore(Tensor q, KvView kv, Tensor qkv, HeadLayout heads, Tensor positions);

    /**
     * Attention of the rows over their sequence's cache, causal by row order: query i of m over T tokens sees tokens
     * {@code 0 .. T - m + i}. {@code out} ({@code [rows, queryColumns]}) may be {@code q} itself.
     */
    void attend(Tensor out, Tensor q, KvView kv, HeadLayout heads, float scale);

    /**
     * Scores the live blocks of one sequence ({@code docs/algorithm.md}, Prefill 2): for each query head and each of the last
     * {@code shape.window()} rows, softmax over the mean keys of all live units; a unit's score is the sum over heads and rows, a
     * block's the highest, the mean or the sum of its units', as {@code shape.aggregation()} says.
     *
     * @param scores float32, one for each rank
     * @param window q after RoPE of exactly the window's rows
     * @param kv     one sequence, {@code tokens == shape.liveTokens()}; its slots need not have the size of the shape's blocks
     */
    void scoreBlocks(Tensor scores, Tensor window, KvView kv, HeadLayout heads, float scale, PruneShape shape);

    /**
     * Ranks that stay, ascending: protected ones and the {@code shape.keptCandidates()} best candidates; equal scores go to the
     * lower rank.
     *
     * @param kept int32, {@code shape.keptBlocks()} elements
     */
    void selectBlocks(Tensor kept, Tensor scores, PruneShape shape);

    /**
     * {@code out} = the rows of the kept blocks of {@code in}, in order. {@code out} may be {@code in}: kept rows only move up.
     * Works on float32 and int32.
     */
    void keepRows(Tensor out, Tensor in, Tensor kept, PruneShape shape);

    /**
     * {@code ids[r]} = index of the largest of {@code logits[r]}, the lowest of equals; -1 where one is NaN or +Infinity or all are
     * -Infinity, so that no token can be chosen.
     *
     * @param ids    int32 with at least as many elements as logits have rows
     * @param logits float32 {@code [rows, vocabulary]}
     */
    void argmax(Tensor ids, Tensor logits);

    /** Copies {@code from} into {@code to}, same dtype and size. */
    void copy(Tensor to, Tensor from);

    /**
     * Lets operations enqueued from here on see what a copy brought: a wait on the device, or in the caller where operations run
     * there.
     *
     * @throws TransferException if the copy is known to have failed
     */
    default void await(Fence fence) {
        fence.join();
    }

    /** Enqueues the copy of a float32 or int32 tensor to the host. */
    void read(Readback to, Tensor from);
}
