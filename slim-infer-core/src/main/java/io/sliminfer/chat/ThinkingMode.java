package io.sliminfer.chat;

import java.util.Locale;

/** What happens to the text that a thinking model writes before its answer. */
public enum ThinkingMode {
    /** It is told apart from the answer: {@link ChatListener#onThinking} and {@link ChatResult#thinking}. */
    SEPARATE,
    /** It stays in the answer, with its marks; also the opening one if the chat template wrote that. */
    INLINE,
    /** Nobody is told. */
    DISCARD;

    /** @throws IllegalArgumentException if the text is none of the names, in any case */
    public static ThinkingMode parse(String text) {
        for (ThinkingMode mode : values()) {
            if (mode.name().equalsIgnoreCase(text.strip())) {
                return mode;
            }
        }
        throw new IllegalArgumentException(
                "thinking=" + text.toLowerCase(Locale.ROOT) + " is not allowed: use separate, inline or discard");
    }
}
