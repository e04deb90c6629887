package io.sliminfer.spring;

import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.contextpropagation.ObservationThreadLocalAccessor;
import io.sliminfer.chat.ChatEngine;
import io.sliminfer.chat.ChatRequest;
import io.sliminfer.chat.ChatResult;
import io.sliminfer.chat.tools.ToolCall;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.observation.ChatModelObservationContext;
import org.springframework.ai.chat.observation.ChatModelObservationConvention;
import org.springframework.ai.chat.observation.ChatModelObservationDocumentation;
import org.springframework.ai.chat.observation.DefaultChatModelObservationConvention;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.scheduler.Schedulers;

/**
 * A Spring AI chat model that answers from a model inside this JVM. Maps and observes; {@link ChatEngine} does the work.
 * Thread-safe: callers share one engine, which queues their requests and decodes them together.
 *
 * <p>Options: a prompt without options takes {@link #getOptions()}. {@link SlimInferChatOptions} are taken as they are, as by every
 * Spring AI 2 model; {@code ChatClient} has merged them over the defaults before. Options of another kind give their portable
 * values over the defaults.
 *
 * <p>Tools: definitions are rendered by the model's chat template, and calls are read from the answer as it comes; executing them is the
 * client's task ({@code ToolCallingAdvisor}). A call that cannot be read is in the text, and the finish reason is
 * {@value SlimInferMetadata#MALFORMED_TOOL_CALL}.
 *
 * <p>Errors: {@link IllegalArgumentException} for a message, tool or option that cannot be used, also for tools that the model's chat
 * template does not take; {@link io.sliminfer.engine.EngineException} when the engine refuses or fails. There is no retry template as in the models
 * that call a server: nothing here is transient that an immediate second try would mend; a full queue is for the caller to
 * answer, by a later try or an error of its own.
 */
public final class SlimInferChatModel implements ChatModel {

    /** Name of this provider in observations. */
    public static final String PROVIDER = "slim_infer";

    private static final ChatModelObservationConvention DEFAULT_CONVENTION =
            new DefaultChatModelObservationConvention();

    private final ChatEngine engine;
    private final SlimInferChatOptions options;
    private final ObservationRegistry observationRegistry;
    private final ChatModelObservationConvention observationConvention;

    private SlimInferChatModel(Builder builder) {
        this.engine = Objects.requireNonNull(builder.engine, "engine must be set");
        this.options = builder.options
                .mutate()
                .model(requireLoaded(builder.options.getModel()))
                .build();
        this.observationRegistry = builder.observationRegistry;
        this.observationConvention = builder.observationConvention;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Answers and waits. If the waiting thread is interrupted, the work is cancelled. */
    @Override
    public ChatResponse call(Prompt prompt) {
        Call call = prepare(prompt, false);
        return Objects.requireNonNull(call.observation().observe(() -> {
            PromptRecorder recorder = new PromptRecorder(call.includePromptBlocks());
            ChatResult result = engine.submit(call.request(), recorder).join();
            // What observes the model is not who asked for the prompt's text.
            call.context().setResponse(call.responses().complete(result, null));
            return call.responses().complete(result, recorder.blocks());
        }));
    }

    /**
     * Answers piece by piece: text, thinking and each whole tool call have chunks of their own; the last chunk has no text but finish
     * reason, usage and report. Nothing happens before subscription,
     * and each subscription is a request of its own. Cancelling stops the work. The prompt is tokenized on a thread that may
     * block, chunks come from the engine's delivery thread, and what the subscriber has not asked for yet waits in a buffer that the
     * answer's length bounds.
     */
    @Override
    @SuppressWarnings("try") // scopes are held, not used; here and below
    public Flux<ChatResponse> stream(Prompt prompt) {
        return Flux.deferContextual(context -> {
            Call call = prepare(prompt, true);
            Observation observation = call.observation();
            Observation parent = context.getOrDefault(ObservationThreadLocalAccessor.KEY, null);
            observation.parentObservation(parent);
            try (Observation.Scope ignored = parent == null ? Observation.Scope.NOOP : parent.openScope()) {
                observation.start();
            }
            return Flux.<ChatResponse>create(sink -> submit(call, sink), FluxSink.OverflowStrategy.BUFFER)
                    .subscribeOn(Schedulers.boundedElastic(), false)
                    .doOnError(observation::error)
                    // Before the subscriber is told: who waits for the answer finds its observation complete.
                    .doOnTerminate(call::stopObservation)
                    .doOnCancel(call::stopObservation)
                    .contextWrite(written -> written.put(ObservationThreadLocalAccessor.KEY, observation));
        });
    }

    /** Options of prompts without any; {@code model} is the loaded model's name. */
    @Override
    public SlimInferChatOptions getOptions() {
        return options;
    }

    @SuppressWarnings("try")
    private void submit(Call call, FluxSink<ChatResponse> sink) {
        // In scope as in a blocking call, so that what the engine observes becomes a child.
        try (Observation.Scope ignored = call.observation().openScope()) {
            sink.onCancel(engine.submit(call.request(), new Delivery(call, sink))::cancel);
        }
    }

    /** Checks and maps all that a request needs, for {@link #call} and {@link #stream} alike; starts nothing. */
    private Call prepare(Prompt prompt, boolean streaming) {
        SlimInferChatOptions merged = merge(prompt.getOptions());
        ChatRequest request = new ChatRequest(
                PromptMapper.templateMessages(prompt.getInstructions()),
                ToolMapper.templateTools(merged.getToolCallbacks()),
                merged.getTemplateArguments(),
                OptionsMapper.sampling(merged),
                OptionsMapper.maxTokens(merged),
                OptionsMapper.stop(merged),
                OptionsMapper.schedule(merged, engine.engine().pruning().schedule()),
                !Boolean.FALSE.equals(merged.getPrefixReuse()),
                OptionsMapper.thinking(merged),
                OptionsMapper.timeout(merged),
                OptionsMapper.responseFormat(merged));
        ChatModelObservationContext context = ChatModelObservationContext.builder()
                .prompt(new Prompt(prompt.getInstructions(), merged))
                .provider(PROVIDER)
                .streaming(streaming)
                .build();
        Observation observation = ChatModelObservationDocumentation.CHAT_MODEL_OPERATION.observation(
                observationConvention, DEFAULT_CONVENTION, () -> context, observationRegistry);
        ResponseMapper responses = new ResponseMapper(UUID.randomUUID().toString(), engine.modelName());
        return new Call(
                request,
                Boolean.TRUE.equals(merged.getIncludePromptBlocks()),
                context,
                observation,
                new AtomicBoolean(),
                responses);
    }

    private SlimInferChatOptions merge(@Nullable ChatOptions requested) {
        if (requested == null) {
            return options;
        }
        SlimInferChatOptions merged = requested instanceof SlimInferChatOptions own
                ? own
                : options.mutate()
                        .combineWith(SlimInferChatOptions.from(requested))
                        .build();
        return merged.mutate().model(requireLoaded(merged.getModel())).build();
    }

    private String requireLoaded(@Nullable String model) {
        if (model != null && !model.equals(engine.modelName())) {
            throw new IllegalArgumentException(
                    "The request asks for model '" + model + "', but '" + engine.modelName()
                            + "' is loaded and the only one: leave the option model out, or point slim-infer.model at the other one.");
        }
        return engine.modelName();
    }

    /** One request on its way. */
    private record Call(
            ChatRequest request,
            boolean includePromptBlocks,
            ChatModelObservationContext context,
            Observation observation,
            AtomicBoolean stopped,
            ResponseMapper responses) {

        /** Once only: a subscriber may cancel what has ended. */
        void stopObservation() {
            if (stopped.compareAndSet(false, true)) {
                observation.stop();
            }
        }
    }

    /** Hands the engine's pieces to a subscriber. */
    private static final class Delivery extends PromptRecorder {

        private final Call call;
        private final FluxSink<ChatResponse> sink;

        Delivery(Call call, FluxSink<ChatResponse> sink) {
            super(call.includePromptBlocks());
            this.call = call;
            this.sink = sink;
        }

        @Override
        public void onText(String text) {
            sink.next(call.responses().delta(text));
        }

        @Override
        public void onThinking(String text) {
            sink.next(call.responses().thinkingDelta(text));
        }

        @Override
        public void onToolCall(ToolCall toolCall) {
            sink.next(call.responses().toolCall(toolCall));
        }

        @Override
        public void onFinished(ChatResult result) {
            call.context().setResponse(call.responses().complete(result, null));
            sink.next(call.responses().last(result, blocks()));
            sink.complete();
        }

        @Override
        public void onFailed(RuntimeException failure) {
            // A failure that nobody waits for any more is the engine's to log.
            if (!sink.isCancelled()) {
                sink.error(failure);
            }
        }
    }

    /** Builds a {@link SlimInferChatModel}; only the engine must be set. */
    public static final class Builder {

        private @Nullable ChatEngine engine;
        private SlimInferChatOptions options = SlimInferChatOptions.builder().build();
        private ObservationRegistry observationRegistry = ObservationRegistry.NOOP;
        private ChatModelObservationConvention observationConvention = DEFAULT_CONVENTION;

        private Builder() {}

        /** The loaded model. It stays the caller's: closing it is not this model's task. */
        public Builder engine(ChatEngine engine) {
            this.engine = engine;
            return this;
        }

        /** Options of prompts without any. */
        public Builder options(SlimInferChatOptions options) {
            this.options = options;
            return this;
        }

        public Builder observationRegistry(ObservationRegistry observationRegistry) {
            this.observationRegistry = observationRegistry;
            return this;
        }

        public Builder observationConvention(ChatModelObservationConvention observationConvention) {
            this.observationConvention = observationConvention;
            return this;
        }

        /**
         * @throws IllegalArgumentException if the options name another model than the engine's
         */
        public SlimInferChatModel build() {
            return new SlimInferChatModel(this);
        }
    }
}
