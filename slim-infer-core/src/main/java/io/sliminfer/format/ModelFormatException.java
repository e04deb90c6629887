package io.sliminfer.format;

/**
 * A model folder that cannot be used. The message names the file, the field or tensor, what was found and what is supported.
 */
public class ModelFormatException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public ModelFormatException(String message) {
        super(message);
    }

    public ModelFormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
