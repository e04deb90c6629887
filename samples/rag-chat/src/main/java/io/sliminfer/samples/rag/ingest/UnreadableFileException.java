package io.sliminfer.samples.rag.ingest;

/** A file is left out; the message says why and does not repeat the file's name. */
final class UnreadableFileException extends Exception {

    private static final long serialVersionUID = 1;

    UnreadableFileException(String message) {
        super(message);
    }
}
