package io.sliminfer.cuda;

/** A CUDA call that failed. */
public final class CudaException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    CudaException(String message) {
        super(message);
    }

    boolean outOfMemory() {
        throw new UnsupportedOperationException();
    }

    boolean sticky() {
        throw new UnsupportedOperationException();
    }
}
