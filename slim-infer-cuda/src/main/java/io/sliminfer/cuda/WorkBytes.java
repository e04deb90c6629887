package io.sliminfer.cuda;

import io.sliminfer.backend.Backend.WorkSize;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;

/**
 * Device memory that operations work in, in bytes.
 *
 * @param gateUp  gate and up of a tile's part, before SwiGLU
 * @param partial partial sums of split decode attention
 * @param keys    mean keys of all units, float32
 * @param logits  softmax logits of a scoring pass
 */
record WorkBytes(long gateUp, long partial, long keys, long logits) {

    /** Most that a scoring pass's logits take; a decision has several passes where it needs more. */
    static final long LOGITS_MAX = 64L << 20;

    static WorkBytes of(WorkSize size, DType compute) {
        ModelConfig model = size.model();
        long blocks = (size.tokens() + size.kvBlock() - 1L) / size.kvBlock();
        long units = blocks * ((size.kvBlock() + size.unit() - 1) / size.unit());
        return new WorkBytes(
                Math.min(size.tile(), CudaOps.GATED_ROWS) * 2L * model.intermediate() * compute.bytes(),
                HeadKernels.partialBytes(size.batch(), model.heads(), model.headDim()),
                4L * model.kvHeads() * units * model.headDim(),
                LOGITS_MAX);
    }

    /** Room for a layer's matrices in compute dtype where they are packed. */
    static long unpacked(ModelConfig model, DType compute) {
        long hidden = model.hidden();
        long elements = hidden * (model.queryColumns() + 2L * model.kvColumns())
                + hidden * model.queryColumns()
                + 3 * hidden * model.intermediate();
        // The ring aligns each of the four.
        return elements * compute.bytes() + 4 * 256;
    }

    long all() {
        return gateUp + partial + keys + logits;
    }
}
