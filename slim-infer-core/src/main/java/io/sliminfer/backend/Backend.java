package io.sliminfer.backend;

import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One device. Operations are enqueued in order and return at once (a backend that has no queue runs them in the caller);
 * memory is allocated only before the first step. Not thread-safe: one thread, the engine's, makes all calls.
 */
public interface Backend extends AutoCloseable {

    DeviceInfo info();

    /**
     * Memory of the device that a model takes besides tensors and KV pool: weights, and what the operations work in. 0 where
     * {@link DeviceInfo#dedicated()} is false.
     *
     * @param weights all that will be loaded
     */
    default long bytesBeside(WorkSize size, List<WeightSpec> weights) {
        return 0;
    }

    /**
     * Takes what operations of these sizes work in and makes them ready to run, so that the first request does not wait for it.
     *
     * @param weights all that will be loaded
     */
    default void prepare(WorkSize size, List<WeightSpec> weights) {}

    /** Loads a weight; its memory is the backend's until {@link #close}. */
    Weight load(WeightSpec spec);

    /** Zeroed memory for {@code rows * columns} elements, the backend's until {@link #close}. */
    Tensor allocate(String name, DType dtype, long rows, long columns);

    /** Slots for blocks of {@code block} tokens with {@code kvHeads} heads of {@code headDim}, stored as {@code type}. */
    KvPool allocateKv(int slots, int block, int kvHeads, int headDim, KvType type);

    /** A landing place for up to {@code elements} elements of 4 bytes. */
    Readback readback(int elements);

    Ops ops();

    /** Copy queues, or null if this backend cannot move KV slots to the host. */
    default @Nullable Copies copies() {
        return null;
    }

    /**
     * Runs a fixed sequence of operations. A backend may record it the first time and replay it for the same key (CUDA graph);
     * lengths and tables are therefore read from tensors and views at run time, never baked in.
     */
    default void segment(Object key, Runnable enqueue) {
        enqueue.run();
    }

    /** Most memory of the device that this backend has held at once, in bytes; 0 where {@link DeviceInfo#dedicated()} is false. */
    default long deviceBytesPeak() {
        return 0;
    }

    /** When the device ran what was enqueued, for measurements. */
    default DeviceClock clock() {
        return DeviceClock.ofHost();
    }

    /**
     * The largest operations to come.
     *
     * @param tile      rows of a prefill tile
     * @param batch     sequences that decode together
     * @param tokens    longest prompt, in tokens
     * @param kvBlock   tokens in a KV slot
     * @param unit      tokens in a unit of scoring
     */
    record WorkSize(ModelConfig model, int tile, int batch, int tokens, int kvBlock, int unit) {}

    /** Gives all memory back. May be called twice. */
    @Override
    void close();
}
