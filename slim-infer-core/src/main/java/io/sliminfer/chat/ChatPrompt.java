package io.sliminfer.chat;

import java.util.List;

/** The prompt that was made of a conversation, before any of it is pruned. Immutable, thread-safe. */
public interface ChatPrompt {

    int tokens();

    /**
     * All blocks of the prompt, in order; their text is made now. This is what the user wrote: whoever asks for it decides who may read
     * it.
     */
    List<PromptBlock> blocks();
}
