package io.sliminfer.chat;

import io.sliminfer.engine.Engine;

/**
 * A loaded chat model: template, tokenizer and engine of one model folder. Thread-safe.
 */
public interface ChatEngine extends AutoCloseable {

    /** Name of the model, from its folder. */
    String modelName();

    Engine engine();

    /**
     * Renders and tokenizes the conversation in the calling thread, then queues it.
     *
     * @throws io.sliminfer.engine.EngineException if the engine refuses the request
     * @throws IllegalArgumentException if the chat template refuses the conversation (an unknown role, for example) or an option is out of range
     */
    ChatGeneration submit(ChatRequest request, ChatListener listener);

    /** Submits and waits. */
    ChatResult generate(ChatRequest request);

    @Override
    void close();
}
