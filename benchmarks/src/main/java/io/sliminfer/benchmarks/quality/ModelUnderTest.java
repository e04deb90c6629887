package io.sliminfer.benchmarks.quality;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.chat.ChatEngine;
import io.sliminfer.chat.ChatEngines;
import io.sliminfer.engine.Engine;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.KvSettings;
import io.sliminfer.engine.PrefixSettings;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.spring.SlimInferChatModel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.model.ChatModel;

/** A loaded model: the chat model that a user has, without an application around it, and its token counter. */
final class ModelUnderTest implements AutoCloseable {

    private final ChatEngine engine;
    private final PromptTokens tokens;
    private final ChatModel chatModel;

    private ModelUnderTest(ChatEngine engine, PromptTokens tokens) {
        this.engine = engine;
        this.tokens = tokens;
        this.chatModel = SlimInferChatModel.builder().engine(engine).build();
    }

    /**
     * @param backend null for the best one that works here
     * @param settings of the backend
     * @param pruning of requests that do not choose for themselves
     */
    static ModelUnderTest open(Path folder, @Nullable String backend, BackendSettings settings, PruneSettings pruning) {
        PromptTokens tokens = PromptTokens.open(folder);
        try {
            ChatEngine engine = ChatEngines.open(
                    folder,
                    new EngineSettings(
                            backend,
                            settings,
                            pruning,
                            0,
                            // Dense and pruned runs of a prompt are timed, so that none may begin with another's work.
                            KvSettings.defaults().withPrefixes(PrefixSettings.off()),
                            ServingSettings.defaults(),
                            0));
            return new ModelUnderTest(engine, tokens);
        } catch (RuntimeException e) {
            tokens.close();
            throw e;
        }
    }

    ChatModel chatModel() {
        return chatModel;
    }

    Engine engine() {
        return engine.engine();
    }

    PromptTokens tokens() {
        return tokens;
    }

    String name() {
        return engine.modelName();
    }

    String device() {
        return engine.engine().device().backend() + " ("
                + engine.engine().device().description() + ")";
    }

    /** Tokens of prompt and answer together that the engine accepts for this model. */
    int positions() {
        // The longest prompt leaves one token for an answer.
        return engine.engine().maxPromptTokens() + 1;
    }

    /**
     * @throws IllegalArgumentException if the length is more than the model takes
     */
    void requireLength(int length) {
        if (length > positions()) {
            throw new IllegalArgumentException("--lengths " + length + " is too long: " + name() + " takes "
                    + positions() + " tokens here, the answer included");
        }
    }

    @Override
    public void close() {
        engine.close();
        tokens.close();
    }
}
