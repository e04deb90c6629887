package io.sliminfer.cuda;

import io.sliminfer.backend.Readback;
import io.sliminfer.format.DType;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import org.jspecify.annotations.Nullable;

/** Pinned memory that a copy lands in, and the event behind it. Engine thread only. */
final class CudaReadback implements Readback {

    private final PinnedMemory memory;
    private final FloatBuffer floats;
    private final IntBuffer ints;
    private final CudaEvent landed;
    private DType dtype = DType.I32;
    private int count;

    CudaReadback(CudaContext context, int elements) {
        memory = context.pinned("readback", Math.max(1, elements) * 4L);
        floats = memory.buffer(0, Math.multiplyExact(Math.max(1, elements), 4)).asFloatBuffer();
        ints = memory.buffer(0, Math.multiplyExact(Math.max(1, elements), 4)).asIntBuffer();
        landed = context.event(false);
    }

    int capacity() {
        return ints.capacity();
    }

    /**
     * @param list where launches are collected, or null if they are enqueued
     */
    void copy(CudaStream stream, CudaTensor from, @Nullable LaunchList list) {
        dtype = from.dtype();
        count = Math.toIntExact(from.rows() * from.columns());
        Landing landing = new Landing(stream, memory.address(), from.address(), from.bytes());
        if (list != null) {
            list.add(landing);
            list.add(this);
        } else {
            landing.enqueue();
            landed(stream);
        }
    }

    /** Everything up to here has to end before {@link #join} returns. */
    void landed(CudaStream stream) {
        stream.record(landed);
    }

    private record Landing(CudaStream stream, long to, long from, long bytes) implements LaunchList.Call {
        @Override
        public void enqueue() {
            stream.copyToHost(to, from, bytes);
        }
    }

    @Override
    public void join() {
        landed.join();
    }

    @Override
    public float getFloat(int index) {
        require(DType.F32, index);
        return floats.get(index);
    }

    @Override
    public int getInt(int index) {
        require(DType.I32, index);
        return ints.get(index);
    }

    @Override
    public void get(int index, float[] to, int length) {
        if (length > 0) {
            require(DType.F32, index);
            require(DType.F32, index + length - 1);
            floats.get(index, to, 0, length);
        }
    }

    private void require(DType wanted, int index) {
        if (dtype != wanted || index < 0 || index >= count) {
            throw new IllegalStateException(
                    "element " + index + " as " + wanted + " of a readback that holds " + count + " of " + dtype);
        }
    }
}
