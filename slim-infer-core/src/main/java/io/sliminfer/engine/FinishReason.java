package io.sliminfer.engine;

/** Why an answer ended. */
public enum FinishReason {
    /** The model ended it, its format is complete, or a stop string was reached. */
    STOP,
    /** The limit of generated tokens, or of the model's positions, was reached. */
    LENGTH,
    /** The caller cancelled it. */
    CANCELLED
}
