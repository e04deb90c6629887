package io.sliminfer.cuda;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.prune.PruneShape;

/**
 * Scores of a decision (docs/algorithm.md, Prefill 2) in passes over KV heads and query rows, so that the softmax logits of a
 * window times all units stay within {@link WorkBytes#LOGITS_MAX}. Engine thread only.
 */
final class BlockScores {

    private final CudaStream stream;
    private final Scratch keys;
    private final Scratch logits;
    private final Scratch stats;
    private final Scratch sums;

    BlockScores(CudaContext context, CudaStream stream, KernelArguments arguments) {
        this.stream = stream;
        this.keys = new Scratch(context, stream, arguments, "mean keys of units");
        this.logits = new Scratch(context, stream, arguments, "logits of scoring");
        this.stats = new Scratch(context, stream, arguments, "softmax of scoring");
        this.sums = new Scratch(context, stream, arguments, "scores of units");
    }

    void reserve(WorkBytes bytes) {
        keys.reserve(bytes.keys());
        logits.reserve(bytes.logits());
    }

    void run(
            HeadKernels kernels,
            long scores,
            long window,
            CudaKvPool pool,
            long view,
            HeadLayout heads,
            float scale,
            PruneShape shape) {
        int block = shape.block();
        int unitsPerBlock = Kernels.up(block, shape.unit());
        int lastTokens = shape.liveTokens() - (shape.liveBlocks() - 1) * block;
        int units = (shape.liveBlocks() - 1) * unitsPerBlock + Kernels.up(lastTokens, shape.unit());
        long stride = Kernels.up(units, 4) * 4L;
        int queryRows = shape.window() * heads.group();
        long rowsMax = Math.max(1, WorkBytes.LOGITS_MAX / (4 * stride));
        int passHeads = (int) Math.max(1, Math.min(heads.kvHeads(), rowsMax / queryRows));
        int passRows = (int) Math.min(queryRows, rowsMax / passHeads);

        long keyRoom = keys.reserve(4L * passHeads * units * heads.headDim());
        long logitRoom = logits.reserve(4L * passHeads * passRows * stride);
        long statRoom = stats.reserve(8L * passHeads * passRows);
        long sumRoom = sums.reserve(4L * HeadKernels.SCORE_PARTS * stride);
        boolean accumulate = false;
        for (int head = 0; head < heads.kvHeads(); head += passHeads) {
            int count = Math.min(passHeads, heads.kvHeads() - head);
            kernels.unitKeys(stream, keyRoom, pool, view, heads, head, count, shape, units);
            for (int row = 0; row < queryRows; row += passRows) {
                int rows = Math.min(passRows, queryRows - row);
                kernels.scoreLogits(stream, logitRoom, window, keyRoom, scale, heads, head, count, row, rows, units);
                kernels.scoreUnits(stream, sumRoom, statRoom, logitRoom, count * rows, units, accumulate);
                accumulate = true;
            }
        }
        kernels.blockScores(stream, scores, sumRoom, shape, units);
    }
}
