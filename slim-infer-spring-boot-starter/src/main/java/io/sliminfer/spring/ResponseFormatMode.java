package io.sliminfer.spring;

/** Formats of answers that need no schema; a schema is an option of its own ({@link SlimInferChatOptions#getOutputSchema}). */
public enum ResponseFormatMode {
    /** Anything. */
    TEXT,
    /** Any JSON object. */
    JSON_OBJECT
}
