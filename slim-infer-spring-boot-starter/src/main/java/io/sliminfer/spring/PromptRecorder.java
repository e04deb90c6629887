package io.sliminfer.spring;

import io.sliminfer.chat.ChatListener;
import io.sliminfer.chat.ChatPrompt;
import io.sliminfer.chat.ChatResult;
import io.sliminfer.chat.PromptBlock;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Keeps a request's prompt until its answer is there, if the request asked for it; does nothing else. */
class PromptRecorder implements ChatListener {

    private final boolean wanted;
    // Told in the submitting thread, read in the one that delivers.
    private volatile @Nullable ChatPrompt prompt;

    PromptRecorder(boolean wanted) {
        this.wanted = wanted;
    }

    @Override
    public void onPrompt(ChatPrompt told) {
        if (wanted) {
            prompt = told;
        }
    }

    /** The prompt's blocks with their text, or null if they were not asked for. */
    @Nullable
    List<PromptBlock> blocks() {
        ChatPrompt told = prompt;
        return told == null ? null : told.blocks();
    }

    @Override
    public void onText(String text) {}

    @Override
    public void onFinished(ChatResult result) {}

    @Override
    public void onFailed(RuntimeException failure) {}
}
