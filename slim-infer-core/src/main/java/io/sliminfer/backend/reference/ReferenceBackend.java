package io.sliminfer.backend.reference;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.heap.HeapReadback;
import io.sliminfer.backend.heap.HeapTensor;
import io.sliminfer.format.DType;

/**
 * The judge of all backends: one thread, float32 tensors, sums in double, weights converted to float32 arrays when loaded. Not
 * offered through {@link java.util.ServiceLoader}.
 */
public final class ReferenceBackend implements Backend {

    private final ReferenceOps ops = new ReferenceOps();

    @Override
    public DeviceInfo info() {
        return new DeviceInfo(
                "reference",
                "plain loops, one thread, for tests",
                DType.F32,
                Runtime.getRuntime().maxMemory());
    }

    @Override
    public Weight load(WeightSpec spec) {
        return ReferenceWeight.load(spec);
    }

    @Override
    public Tensor allocate(String name, DType dtype, long rows, long columns) {
        return HeapTensor.allocate(name, dtype, rows, columns);
    }

    @Override
    public KvPool allocateKv(int slots, int block, int kvHeads, int headDim, KvType type) {
        return new ReferenceKvPool(slots, block, kvHeads, headDim, type);
    }

    @Override
    public Readback readback(int elements) {
        return new HeapReadback(elements);
    }

    @Override
    public Ops ops() {
        return ops;
    }

    @Override
    public void close() {
        // The garbage collector takes the arrays.
    }
}
