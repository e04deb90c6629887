package io.sliminfer.cuda;

/** A queue of the GPU. One thread at a time. */
final class CudaStream implements AutoCloseable {

    void copyToDevice(long device, long host, long bytes) {
        throw new UnsupportedOperationException();
    }

    void copyToHost(long host, long device, long bytes) {
        throw new UnsupportedOperationException();
    }

    void copyOnDevice(long to, long from, long bytes) {
        throw new UnsupportedOperationException();
    }

    void fill(long address, int byteValue, long bytes) {
        throw new UnsupportedOperationException();
    }

    void record(CudaEvent event) {
        throw new UnsupportedOperationException();
    }

    void await(CudaEvent event) {
        throw new UnsupportedOperationException();
    }

    void synchronize() {
        throw new UnsupportedOperationException();
    }

    void beginCapture() {
        throw new UnsupportedOperationException();
    }

    boolean isCapturing() {
        throw new UnsupportedOperationException();
    }

    CudaGraph endCapture() {
        throw new UnsupportedOperationException();
    }

    /** Leaves capture mode without a graph, after a failure between begin and end. */
    void abandonCapture() {
        throw new UnsupportedOperationException();
    }

    void launch(CudaGraph graph) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
