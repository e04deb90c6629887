package io.sliminfer.chat;

import io.sliminfer.engine.Engine;
import io.sliminfer.engine.GenerationRequest;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFormatException;
import io.sliminfer.format.TokenizerJson;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.text.ChatTemplate;
import io.sliminfer.text.RenderedPrompt;
import io.sliminfer.text.Tokenizer;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The chat engine of one model folder in this JVM. Owns engine and tokenizer. Thread-safe; prompts are rendered and tokenized on
 * the callers' threads, so that those of several users are prepared in parallel.
 */
public final class LocalChatEngine implements ChatEngine {

    private static final long IDLE_SECONDS = 10;

    private static final ChatListener SILENT = new ChatListener() {
        @Override
        public void onText(String text) {}

        @Override
        public void onFinished(ChatResult result) {}

        @Override
        public void onFailed(RuntimeException failure) {}
    };

    private final String modelName;
    private final Engine engine;
    private final Tokenizer tokenizer;
    private final ModelTemplate template;

    /** For requests with tools; most models have one template for all. */
    private final ModelTemplate toolTemplate;

    private final AnswerFormats formats;

    /** Calls listeners. A thread lives as long as its listener has something to do: a slow one holds up no other. */
    private final Executor listeners;

    public LocalChatEngine(String modelName, Engine engine, Tokenizer tokenizer, ChatTemplate template) {
        this(modelName, engine, tokenizer, template, template);
    }

    /** @param toolTemplate renders the requests with tools */
    public LocalChatEngine(
            String modelName, Engine engine, Tokenizer tokenizer, ChatTemplate template, ChatTemplate toolTemplate) {
        this.modelName = modelName;
        this.engine = engine;
        this.tokenizer = tokenizer;
        this.template = ModelTemplate.of(template);
        this.toolTemplate = ModelTemplate.of(toolTemplate);
        this.formats = new AnswerFormats(tokenizer, engine.model().vocabulary());
        AtomicLong number = new AtomicLong();
        // Never shut down: its threads are daemons and end when idle, and what close() cancels still has to be told.
        this.listeners = new ThreadPoolExecutor(
                0, Integer.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
                    Thread thread = new Thread(task, "slim-infer-chat-" + number.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
    }

    /**
     * Loads tokenizer and template for an engine, and takes the engine over. If this fails, the engine is still the caller's.
     *
     * @param folder        the model folder, for messages
     * @param tokenizerJson its tokenizer, if there
     * @param chatTemplates sources of its chat templates by name: {@code default}, and perhaps {@code tool_use} for requests with tools
     * @param specialTokens template variables such as {@code bos_token}
     * @throws ModelFormatException if tokenizer or template is missing or cannot be used
     */
    public static LocalChatEngine open(
            Path folder,
            String modelName,
            Optional<TokenizerJson> tokenizerJson,
            Map<String, String> chatTemplates,
            Map<String, String> specialTokens,
            Engine engine) {
        String usual = chatTemplates.get("default");
        if (usual == null) {
            throw new ModelFormatException(
                    ModelFolder.isGguf(folder)
                            ? folder + " has no chat template (tokenizer.chat_template)."
                                    + " Use the model's instruction-tuned version"
                            : folder
                                    + " has no chat template: neither a file chat_template.jinja nor a field chat_template in tokenizer_config.json."
                                    + " Use the model's instruction-tuned version, or put a chat_template.jinja there");
        }
        String forTools = chatTemplates.get("tool_use");
        ChatTemplate template;
        ChatTemplate toolTemplate;
        try {
            template = ChatTemplate.parse(usual, specialTokens);
            toolTemplate = forTools == null ? template : ChatTemplate.parse(forTools, specialTokens);
        } catch (IllegalArgumentException e) {
            throw new ModelFormatException(folder + ": " + e.getMessage(), e);
        }
        int vocabulary = engine.model().vocabulary();
        if (tokenizerJson.isEmpty() && ModelFolder.isGguf(folder)) {
            throw new ModelFormatException(
                    folder + " has no tokenizer (tokenizer.ggml.tokens). Use a file that holds the whole model");
        }
        Tokenizer tokenizer = tokenizerJson.isPresent()
                ? Tokenizer.load(tokenizerJson.get(), vocabulary)
                : Tokenizer.load(folder.resolve("tokenizer.json"), vocabulary);
        return new LocalChatEngine(modelName, engine, tokenizer, template, toolTemplate);
    }

    @Override
    public String modelName() {
        return modelName;
    }

    @Override
    public Engine engine() {
        return engine;
    }

    @Override
    public ChatGeneration submit(ChatRequest request, ChatListener listener) {
        ModelTemplate used = request.tools().isEmpty() ? template : toolTemplate;
        RenderedPrompt rendered = used.render(request, modelName);
        AnswerReader.Settings answer = used.answer(request, rendered);
        AnswerFormats.AnswerFormat format = formats.compile(
                request.format(), answer.thinkingOpen() ? answer.thinking() : null, answer.tools(), request.tools());
        int[] prompt = encode(rendered);
        PruneSchedule schedule = request.schedule() == null ? engine.pruning().schedule() : request.schedule();
        listener.onPrompt(new TokenizedPrompt(prompt, schedule, tokenizer));
        int positionsLeft = Math.max(1, engine.model().maxPositions() - prompt.length);
        GenerationRequest generation = new GenerationRequest(
                prompt,
                request.sampling(),
                request.maxTokens() == 0
                        ? Math.min(ChatRequest.MAX_TOKENS_DEFAULT, Math.min(positionsLeft, engine.maxAnswerTokens()))
                        : request.maxTokens(),
                engine.model().endOfSequence(),
                request.schedule(),
                request.prefixReuse(),
                format == null ? null : format.constraint(),
                request.timeout());
        RunningChat chat =
                new RunningChat(tokenizer, answer, format == null ? null : format.answer(), listener, listeners);
        chat.started(engine.submit(generation, chat));
        return chat;
    }

    @Override
    public ChatResult generate(ChatRequest request) {
        return submit(request, SILENT).join();
    }

    private int[] encode(RenderedPrompt prompt) {
        int[] ids = tokenizer.encode(prompt);
        if (ids.length == 0) {
            throw new IllegalArgumentException("the prompt is empty: the chat template made no text of the messages");
        }
        return ids;
    }

    @Override
    public void close() {
        engine.close();
        tokenizer.close();
    }
}
