package io.sliminfer.backend;

/** A device that refused a call or stopped working. */
public abstract class DeviceException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    protected DeviceException(String message) {
        super(message);
    }

    /** Whether nothing will run on the device in this process any more: the engine ends, the application goes on. */
    public abstract boolean deviceLost();
}
