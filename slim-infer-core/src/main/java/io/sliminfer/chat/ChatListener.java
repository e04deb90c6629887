package io.sliminfer.chat;

/**
 * Receives an answer as it is made. Calls come one after the other, from one thread at a time that is never the engine's: a slow
 * listener holds up only itself.
 */
public interface ChatListener {

    /** Text to append; never empty, never part of a character or of a stop string. */
    void onText(String text);

    void onFinished(ChatResult result);

    void onFailed(RuntimeException failure);
}
