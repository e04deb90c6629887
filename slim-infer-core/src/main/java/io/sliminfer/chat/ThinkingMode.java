package io.sliminfer.chat;

/** What happens to the text that a thinking model writes before its answer. */
public enum ThinkingMode {
    /** It is told apart from the answer: {@link ChatListener#onThinking} and {@link ChatResult#thinking}. */
    SEPARATE,
    /** It stays in the answer, with its marks; also the opening one if the chat template wrote that. */
    INLINE,
    /** Nobody is told. */
    DISCARD
}
