package io.sliminfer.cuda;

import java.nio.ByteBuffer;

/** Page-locked memory of the host. */
final class PinnedMemory implements AutoCloseable {

    long address() {
        throw new UnsupportedOperationException();
    }

    /** Where kernels reach the memory. */
    long deviceAddress() {
        throw new UnsupportedOperationException();
    }

    long bytes() {
        throw new UnsupportedOperationException();
    }

    /** Whether it really is page-locked: a mapped file can be refused. */
    boolean isPinned() {
        throw new UnsupportedOperationException();
    }

    ByteBuffer buffer(long offset, int length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
