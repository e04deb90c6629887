package io.sliminfer.samples.rag.ingest;

/** The folder of documents cannot be used. The message names the property and the folder, {@link #action} says what to do. */
public final class DocumentFolderException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final String action;

    DocumentFolderException(String message, String action) {
        super(message);
        this.action = action;
    }

    public String action() {
        return action;
    }
}
