package io.sliminfer.spring;

/**
 * A value of {@code slim-infer.model} that leads to no model. The message says what was found; {@link #action()} what to do.
 */
public final class ModelLocationException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    private final String description;
    private final String action;

    public ModelLocationException(String description, String action) {
        super(description + " " + action);
        this.description = description;
        this.action = action;
    }

    public ModelLocationException(String description, String action, Throwable cause) {
        super(description + " " + action, cause);
        this.description = description;
        this.action = action;
    }

    /** What was found, in one or two sentences. */
    public String description() {
        return description;
    }

    /** What to do. */
    public String action() {
        return action;
    }
}
