package io.sliminfer.chat;

import io.sliminfer.chat.tools.ToolCall;

/**
 * Receives an answer as it is made. Calls come one after the other, from one thread at a time that is never the engine's: a slow
 * listener holds up only itself.
 */
public interface ChatListener {

    /**
     * Told once and first, in the thread that submits, what the conversation became. If this throws, nothing is submitted and
     * {@link ChatEngine#submit} throws the same.
     */
    default void onPrompt(ChatPrompt prompt) {}

    /** Text to append; never empty, never part of a character or of a stop string. */
    void onText(String text);

    /** Thinking to append; never empty. Told in {@link ThinkingMode#SEPARATE} alone, before the answer's text. */
    default void onThinking(String text) {}

    /** A whole tool call. Told only if the request has tools. */
    default void onToolCall(ToolCall call) {}

    void onFinished(ChatResult result);

    void onFailed(RuntimeException failure);
}
