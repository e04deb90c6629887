package io.sliminfer.spring.autoconfigure;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.engine.EngineListener;
import io.sliminfer.engine.EngineSettings;
import java.nio.file.Path;

/** Opens the engine that the chat model runs on. A bean of this type replaces the default one. */
@FunctionalInterface
public interface ChatEngineLoader {

    /**
     * @param folder   a model folder on disk
     * @param listener watches the engine, for metrics, the actuator endpoint and health; a loader that does not pass it on goes without
     * @return an engine that is ready; the application context closes it
     */
    ChatEngine open(Path folder, EngineSettings settings, EngineListener listener);
}
