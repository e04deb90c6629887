package io.sliminfer.cuda;

import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import org.jspecify.annotations.Nullable;

/**
 * KV slots in one allocation: slot s holds K {@code [kvHeads, block, headDim]}, then V likewise (docs/cuda.md, Layouts).
 *
 * @param address of slot 0
 * @param map     the pool as a matrix of head rows for the copy engine of sm_90, or null where attention does not use it
 */
record CudaKvPool(
        long address,
        int slots,
        int block,
        int kvHeads,
        int headDim,
        KvType type,
        long slotBytes,
        @Nullable TensorMap map)
        implements KvPool {

    long slot(int index) {
        return address + index * slotBytes;
    }
}
