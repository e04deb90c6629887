package io.sliminfer.cuda;

import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.global.cudart;

/**
 * A point in a stream, set by {@link CudaStream#record}. One that was never recorded counts as passed. {@link #isDone} and {@link
 * #join} may be called by any thread; close must not run beside them.
 */
final class CudaEvent implements AutoCloseable {

    private final CudaContext context;
    private final CudaStatus status;
    private final CUevent_st event;
    private final boolean timing;
    private boolean closed;

    CudaEvent(CudaContext context, CUevent_st event, boolean timing) {
        this.context = context;
        this.status = context.status();
        this.event = event;
        this.timing = timing;
    }

    CUevent_st handle() {
        return event;
    }

    /** Whether the work before it has ended, well or not. */
    boolean isDone() {
        if (status.isLost()) {
            return true;
        }
        context.bindForeignThread();
        int code = cudart.cudaEventQuery(event);
        if (code == cudart.cudaErrorNotReady) {
            cudart.cudaGetLastError(); // "Not ready" is kept as an error too.
            return false;
        }
        if (code != 0) {
            CudaException failure = status.failure(code, "cudaEventQuery", "");
            if (!failure.sticky()) {
                throw failure;
            }
        }
        return true;
    }

    /**
     * Waits for the work before it.
     *
     * @throws CudaException if any work on the device has failed
     */
    void join() {
        status.requireAlive("cudaEventSynchronize");
        context.bindForeignThread();
        status.check(cudart.cudaEventSynchronize(event), "cudaEventSynchronize");
    }

    /** Milliseconds between two events with timing that have both passed. */
    float millisSince(CudaEvent start) {
        if (!timing || !start.timing) {
            throw new IllegalStateException("an event without timing has no time");
        }
        status.requireAlive("cudaEventElapsedTime");
        float[] millis = new float[1];
        status.check(cudart.cudaEventElapsedTime(millis, start.event, event), "cudaEventElapsedTime");
        return millis[0];
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            context.released(this, 0);
            context.free(() -> cudart.cudaEventDestroy(event), "cudaEventDestroy");
            event.setNull();
        }
    }
}
