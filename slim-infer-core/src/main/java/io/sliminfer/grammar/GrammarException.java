package io.sliminfer.grammar;

/** A grammar that cannot be compiled: it derives nothing, recurses without progress, or is larger than a limit. */
public class GrammarException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    public GrammarException(String message) {
        super(message);
    }
}
