package io.sliminfer.chat;

import io.sliminfer.engine.Engine;
import io.sliminfer.engine.EngineListener;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.LocalEngine;
import io.sliminfer.format.ModelFolder;
import java.nio.file.Path;

/** Opens chat engines. */
public final class ChatEngines {

    private ChatEngines() {}

    /**
     * Opens a model folder and starts its engine in this JVM. Closing the result closes all of it.
     *
     * @throws io.sliminfer.format.ModelFormatException if the folder cannot be used
     * @throws IllegalArgumentException if a setting does not fit the model or the machine
     */
    public static ChatEngine open(Path path, EngineSettings settings) {
        return open(path, settings, EngineListener.NONE);
    }

    /** The same with a listener that watches the engine. */
    public static ChatEngine open(Path path, EngineSettings settings, EngineListener listener) {
        ModelFolder folder = ModelFolder.open(path);
        Engine engine = null;
        try {
            engine = LocalEngine.open(folder, settings, listener);
            ChatEngine chat = LocalChatEngine.open(
                    folder.path(),
                    folder.name(),
                    folder.tokenizer(),
                    folder.chatTemplates(),
                    folder.specialTokens(),
                    engine);
            return new FolderChatEngine(folder, chat);
        } catch (RuntimeException e) {
            if (engine != null) {
                engine.close();
            }
            folder.close();
            throw e;
        }
    }

    /** A chat engine and the folder whose mappings its weights are. */
    private record FolderChatEngine(ModelFolder folder, ChatEngine chat) implements ChatEngine {

        @Override
        public String modelName() {
            return chat.modelName();
        }

        @Override
        public Engine engine() {
            return chat.engine();
        }

        @Override
        public ChatGeneration submit(ChatRequest request, ChatListener listener) {
            return chat.submit(request, listener);
        }

        @Override
        public ChatResult generate(ChatRequest request) {
            return chat.generate(request);
        }

        @Override
        public void close() {
            chat.close();
            folder.close();
        }
    }
}
