package io.sliminfer.engine;

/** Why an answer ended. */
public enum FinishReason {
    /** The model ended it, its format is complete, or a stop string was reached. */
    STOP,
    /** A stop string cut an answer whose format was not complete; an engine alone knows no stop strings and never says so. */
    CUT,
    /** The limit of generated tokens, or of the model's positions, was reached. */
    LENGTH,
    /** The caller cancelled it. */
    CANCELLED
}
