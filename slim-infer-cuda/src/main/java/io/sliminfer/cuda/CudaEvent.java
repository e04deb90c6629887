package io.sliminfer.cuda;

/** A point in a stream. {@link #isDone} and {@link #join} are thread-safe. */
final class CudaEvent implements AutoCloseable {

    /** Whether the work before it has ended, well or not. */
    boolean isDone() {
        throw new UnsupportedOperationException();
    }

    void join() {
        throw new UnsupportedOperationException();
    }

    float millisSince(CudaEvent start) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
