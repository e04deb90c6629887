package io.sliminfer.spring.autoconfigure;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.engine.EngineSettings;
import java.nio.file.Path;

/** Opens the engine that the chat model runs on. A bean of this type replaces the default one. */
@FunctionalInterface
public interface ChatEngineLoader {

    /**
     * @param folder a model folder on disk
     * @return an engine that is ready; the application context closes it
     */
    ChatEngine open(Path folder, EngineSettings settings);
}
