package io.sliminfer.hub;

/** A model that the hub does not give. The message says what was found; {@link #action()} what to do. Never holds a token. */
public final class HubException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String description;
    private final String action;
    private final boolean outage;

    HubException(String description, String action) {
        this(description, action, false);
    }

    private HubException(String description, String action, boolean outage) {
        super(description + " " + action);
        this.description = description;
        this.action = action;
        this.outage = outage;
    }

    HubException(String description, String action, Throwable cause) {
        this(description, action, false);
        initCause(cause);
    }

    /** The server does not answer, or not now: a copy in the cache may be used instead. */
    static HubException outage(String description, String action, Throwable cause) {
        HubException exception = new HubException(description, action, true);
        exception.initCause(cause);
        return exception;
    }

    /** What was found, in one or two sentences. */
    public String description() {
        return description;
    }

    /** What to do. */
    public String action() {
        return action;
    }

    boolean isOutage() {
        return outage;
    }
}
