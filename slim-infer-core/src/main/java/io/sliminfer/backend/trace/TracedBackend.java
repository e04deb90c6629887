package io.sliminfer.backend.trace;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.Copies;
import io.sliminfer.backend.DeviceClock;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A backend whose operations and copies are timed while somebody listens. Nothing waits for the device: marks are looked at when later
 * operations are enqueued. Copies are timed only where the device's clock tells when they run.
 */
public final class TracedBackend implements Backend {

    private final Backend backend;
    private final SpanRecorder spans;
    private final Ops ops;
    private final @Nullable Copies copies;

    public TracedBackend(Backend backend, SpanListener listener) {
        this.backend = backend;
        this.spans = new SpanRecorder(backend.clock(), listener);
        this.ops = new TracedOps(backend.ops(), spans);
        Copies untraced = backend.copies();
        this.copies = untraced == null ? null : new TracedCopies(untraced, spans);
    }

    @Override
    public DeviceInfo info() {
        return backend.info();
    }

    @Override
    public long bytesBeside(WorkSize size, List<WeightSpec> weights) {
        return backend.bytesBeside(size, weights);
    }

    @Override
    public void prepare(WorkSize size, List<WeightSpec> weights) {
        backend.prepare(size, weights);
    }

    @Override
    public Weight load(WeightSpec spec) {
        return backend.load(spec);
    }

    @Override
    public Tensor allocate(String name, DType dtype, long rows, long columns) {
        return backend.allocate(name, dtype, rows, columns);
    }

    @Override
    public KvPool allocateKv(int slots, int block, int kvHeads, int headDim, KvType type) {
        return backend.allocateKv(slots, block, kvHeads, headDim, type);
    }

    @Override
    public Readback readback(int elements) {
        return backend.readback(elements);
    }

    @Override
    public Ops ops() {
        return ops;
    }

    @Override
    public @Nullable Copies copies() {
        return copies;
    }

    /** While somebody listens operations run one by one: a graph would be one span. */
    @Override
    public void segment(Object key, Runnable enqueue) {
        if (spans.isListening()) {
            enqueue.run();
        } else {
            backend.segment(key, enqueue);
        }
    }

    @Override
    public long deviceBytesPeak() {
        return backend.deviceBytesPeak();
    }

    @Override
    public DeviceClock clock() {
        return backend.clock();
    }

    @Override
    public void close() {
        backend.close();
    }
}
