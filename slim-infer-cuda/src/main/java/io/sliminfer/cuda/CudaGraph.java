package io.sliminfer.cuda;

/** A captured sequence of launches and copies. */
final class CudaGraph implements AutoCloseable {

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
