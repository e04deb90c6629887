package io.sliminfer.cuda;

/** Memory of the GPU. */
final class DeviceMemory implements AutoCloseable {

    long address() {
        throw new UnsupportedOperationException();
    }

    long bytes() {
        throw new UnsupportedOperationException();
    }

    String name() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
