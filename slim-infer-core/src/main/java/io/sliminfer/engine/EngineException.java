package io.sliminfer.engine;

/**
 * A request that cannot be served as it is. The message names the numbers and the property to change.
 */
public class EngineException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** What kind of refusal or failure it is. */
    public enum Kind {
        /** The prompt is longer than the model or the configuration allows. */
        PROMPT_TOO_LONG,
        /** The KV cache cannot hold the request even alone. */
        OUT_OF_MEMORY,
        /** As many requests wait as may wait. */
        QUEUE_FULL,
        /** It waited for its turn longer than requests may wait. */
        QUEUE_TIMEOUT,
        /** It took longer than its own time-out, queue included. What it had generated was told. */
        TIMEOUT,
        /** The engine is closed or closing. */
        CLOSED,
        /** Logits were not finite. */
        INVALID_LOGITS,
        /** No token of the vocabulary continues the format that the answer must have. */
        CONSTRAINT,
        /** A device or an invariant failed; the cause says which. */
        INTERNAL
    }

    private final Kind kind;

    public EngineException(Kind kind, String message) {
        this(kind, message, null);
    }

    public EngineException(Kind kind, String message, @org.jspecify.annotations.Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
