package io.sliminfer.backend.cpu;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.heap.HeapReadback;
import io.sliminfer.backend.heap.HeapTensor;
import io.sliminfer.format.DType;

/**
 * Plain Java on all cores, for platforms without native libraries: float32 activations and a KV cache of any type on the heap, weights read in
 * place. Needs no JVM flag and loads no native code. Called by one thread; {@link #close} ends its workers.
 */
public final class JavaBackend implements Backend {

    /** The value of {@code slim-infer.backend} that asks for this backend. */
    public static final String NAME = "java";

    private final WorkerPool pool;
    private final JavaOps ops;
    private boolean closed;

    /**
     * @throws IllegalArgumentException if another compute dtype than F32 is asked for, or weights in 8 bits
     */
    public JavaBackend(BackendSettings settings) {
        DType compute = settings.compute();
        if (compute != null && compute != DType.F32) {
            throw new IllegalArgumentException("backend " + NAME + " computes in F32, asked for is " + compute
                    + ". Leave the compute dtype out or set it to F32, or use another backend");
        }
        if (settings.weights() == WeightPrecision.INT8) {
            throw new IllegalArgumentException("slim-infer.weights=int8 is not available with slim-infer.backend="
                    + NAME + ", which reads weights as their file has them: leave it out, or use backend=cpu");
        }
        pool = new WorkerPool(settings.threads(), "slim-infer-java");
        ops = new JavaOps(pool);
    }

    @Override
    public DeviceInfo info() {
        return new DeviceInfo(
                NAME,
                "plain Java " + Runtime.version().feature() + " on " + System.getProperty("os.arch") + ", "
                        + pool.threads() + (pool.threads() == 1 ? " thread" : " threads"),
                DType.F32,
                Runtime.getRuntime().maxMemory());
    }

    @Override
    public Weight load(WeightSpec spec) {
        requireOpen();
        MappedWeight weight = new MappedWeight(spec);
        if (spec.use() != WeightSpec.Use.GAIN) {
            ops.reserve(weight);
        }
        return weight;
    }

    @Override
    public Tensor allocate(String name, DType dtype, long rows, long columns) {
        requireOpen();
        return HeapTensor.allocate(name, dtype, rows, columns);
    }

    @Override
    public KvPool allocateKv(int slots, int block, int kvHeads, int headDim, KvType type) {
        requireOpen();
        JavaKvPool kvPool = new JavaKvPool(slots, block, kvHeads, headDim, type);
        ops.reserve(block, headDim);
        return kvPool;
    }

    @Override
    public Readback readback(int elements) {
        requireOpen();
        return new HeapReadback(elements);
    }

    @Override
    public Ops ops() {
        return ops;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("backend " + NAME + " is closed");
        }
    }

    @Override
    public void close() {
        closed = true;
        pool.close();
    }
}
