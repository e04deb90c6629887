package io.sliminfer.cuda;

/** One GPU. */
final class CudaContext implements AutoCloseable {

    static CudaContext open(int device) {
        throw new UnsupportedOperationException();
    }

    /** Compute capability as 10 * major + minor. */
    int capability() {
        throw new UnsupportedOperationException();
    }

    /** What NVRTC compiles for: {@code 90a}, {@code 86}. */
    String architecture() {
        throw new UnsupportedOperationException();
    }

    int multiprocessors() {
        throw new UnsupportedOperationException();
    }

    String name() {
        throw new UnsupportedOperationException();
    }

    long totalBytes() {
        throw new UnsupportedOperationException();
    }

    long freeBytes() {
        throw new UnsupportedOperationException();
    }

    int sharedBytesPerBlockMax() {
        throw new UnsupportedOperationException();
    }

    /** A queue; lower numbers go first, 0 is normal. */
    CudaStream stream(int priority) {
        throw new UnsupportedOperationException();
    }

    /** An event, with a time stamp if asked for. */
    CudaEvent event(boolean timing) {
        throw new UnsupportedOperationException();
    }

    DeviceMemory allocate(String name, long bytes) {
        throw new UnsupportedOperationException();
    }

    PinnedMemory pinned(String name, long bytes) {
        throw new UnsupportedOperationException();
    }

    /** Pins memory that is there already, such as a mapped file; where that is refused the memory works unpinned. */
    PinnedMemory register(String name, long address, long bytes, boolean readOnly) {
        throw new UnsupportedOperationException();
    }

    void bind() {
        throw new UnsupportedOperationException();
    }

    long allocatedBytes() {
        throw new UnsupportedOperationException();
    }

    long peakBytes() {
        throw new UnsupportedOperationException();
    }

    void synchronize() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
