package io.sliminfer.engine;

/** Why an answer ended. */
public enum FinishReason {
    /** The model ended it, or a stop string was reached. */
    STOP,
    /** The limit of generated tokens, or of the model's positions, was reached. */
    LENGTH,
    /** The caller cancelled it. */
    CANCELLED
}
