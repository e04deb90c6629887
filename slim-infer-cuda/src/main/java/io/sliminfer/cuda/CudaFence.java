package io.sliminfer.cuda;

import io.sliminfer.backend.Fence;
import io.sliminfer.backend.TransferException;

/**
 * The end of copies on a copy stream, between two events. When it has been seen, the events go back to where they came from. A copy
 * itself cannot fail alone: an error is the device's, and every later call reports it.
 */
final class CudaFence implements Fence {

    private final CudaCopies copies;
    private final CudaEvent begin;
    private final CudaEvent end;
    private volatile boolean done;
    private volatile long nanos;

    CudaFence(CudaCopies copies, CudaEvent begin, CudaEvent end) {
        this.copies = copies;
        this.begin = begin;
        this.end = end;
    }

    @Override
    public synchronized boolean isDone() {
        if (!done && end.isDone()) {
            finish();
        }
        return done;
    }

    @Override
    public synchronized void join() {
        if (done) {
            return;
        }
        try {
            end.join();
        } catch (CudaException e) {
            throw new TransferException("a copy of KV blocks did not end: " + e.getMessage(), e);
        }
        finish();
    }

    /** Lets a stream wait for the copies, without the host. */
    synchronized void holdUp(CudaStream stream) {
        if (!done) {
            stream.await(end);
        }
    }

    private void finish() {
        nanos = (long) (end.millisSince(begin) * 1e6);
        done = true;
        copies.giveBack(begin, end);
    }

    @Override
    public long nanos() {
        return nanos;
    }
}
