package io.sliminfer.backend;

/** A copy between device and host that did not arrive. What it was copied from is still whole. */
public class TransferException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public TransferException(String message, Throwable cause) {
        super(message, cause);
    }
}
