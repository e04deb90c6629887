package io.sliminfer.spring;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.engine.EngineListener;

/**
 * An {@link EngineListener} that is shown the engine it listens to. Every bean of type {@link EngineListener} is told of the
 * auto-configured engine; one of this type knows its name and may read its snapshots.
 */
public interface ChatEngineListener extends EngineListener {

    /** The engine is open. Called once, on the thread that opened it, before the first request can be submitted. */
    void opened(ChatEngine engine);
}
