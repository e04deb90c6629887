package io.sliminfer.spring;

import io.sliminfer.chat.ThinkingMode;
import io.sliminfer.prune.PruneStep;
import io.sliminfer.prune.UnitAggregation;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.model.tool.DefaultToolCallingChatOptions;
import org.springframework.ai.model.tool.StructuredOutputChatOptions;
import org.springframework.ai.model.tool.ToolCallingChatOptions;

/**
 * Options of one request: Spring AI's portable ones and SlimInfer's own. Immutable. An option that is {@code null} means the
 * engine's default, which is: greedy decoding (no temperature), no filter and no penalty, as many tokens as the model's positions
 * allow, and the pruning that {@code slim-infer.pruning.*} configures.
 *
 * <p>Values are checked when a request is made, by the engine's own rules, so that no value is accepted here and ignored there.
 */
public final class SlimInferChatOptions extends DefaultToolCallingChatOptions implements StructuredOutputChatOptions {

    // Options beyond Spring AI's are kept in a map by these keys: merging, copying and comparing need not know them one
    // by one.
    private static final Option<Double> MIN_P = new Option<>("min-p", Double.class);
    private static final Option<Double> REPETITION_PENALTY = new Option<>("repetition-penalty", Double.class);
    private static final Option<Long> SEED = new Option<>("seed", Long.class);
    private static final Option<ThinkingMode> THINKING = new Option<>("thinking", ThinkingMode.class);
    private static final Option<ResponseFormatMode> RESPONSE_FORMAT =
            new Option<>("response-format", ResponseFormatMode.class);
    private static final Option<String> OUTPUT_SCHEMA = new Option<>("output-schema", String.class);
    private static final Option<Duration> TIMEOUT = new Option<>("timeout", Duration.class);
    private static final Option<Boolean> PRUNING = new Option<>("pruning", Boolean.class);
    private static final Option<String> PRUNING_SCHEDULE = new Option<>("pruning-schedule", String.class);
    private static final Option<Integer> PRUNING_BLOCK = new Option<>("pruning-block", Integer.class);
    private static final Option<Integer> PRUNING_UNIT = new Option<>("pruning-unit", Integer.class);
    private static final Option<Integer> PRUNING_WINDOW = new Option<>("pruning-window", Integer.class);
    private static final Option<Integer> PRUNING_SINK = new Option<>("pruning-sink", Integer.class);
    private static final Option<UnitAggregation> PRUNING_AGGREGATION =
            new Option<>("pruning-aggregation", UnitAggregation.class);

    private static final Option<Boolean> PREFIX_REUSE = new Option<>("prefix-reuse", Boolean.class);
    private static final Option<Boolean> INCLUDE_PROMPT_BLOCKS = new Option<>("include-prompt-blocks", Boolean.class);

    private final Map<Option<?>, Object> own;
    private final Map<String, Object> templateArguments;

    private SlimInferChatOptions(
            ToolCallingChatOptions portable, Map<Option<?>, Object> own, Map<String, Object> templateArguments) {
        super(
                portable.getToolCallbacks(),
                portable.getToolContext(),
                portable.getModel(),
                portable.getFrequencyPenalty(),
                portable.getMaxTokens(),
                portable.getPresencePenalty(),
                portable.getStopSequences(),
                portable.getTemperature(),
                portable.getTopK(),
                portable.getTopP());
        this.own = Map.copyOf(own);
        this.templateArguments = Map.copyOf(templateArguments);
    }

    public static Builder builder() {
        return new Builder();
    }

    /** What another provider's options, or Spring AI's own, have in common with these. */
    static Builder from(ChatOptions options) {
        Builder builder = new Builder().portable(options);
        if (options instanceof StructuredOutputChatOptions structured) {
            builder.outputSchema(structured.getOutputSchema());
        }
        if (options instanceof ToolCallingChatOptions tools) {
            builder.toolCallbacks(tools.getToolCallbacks()).toolContext(tools.getToolContext());
        }
        return builder;
    }

    /** Tokens less likely than this share of the best token are dropped, 0 (none) to 1. */
    public @Nullable Double getMinP() {
        return get(MIN_P);
    }

    /** Divides positive and multiplies negative logits of tokens in prompt or answer; 1 changes nothing. */
    public @Nullable Double getRepetitionPenalty() {
        return get(REPETITION_PENALTY);
    }

    /** Seed of the draw: the same seed, prompt and options give the same text. */
    public @Nullable Long getSeed() {
        return get(SEED);
    }

    /** Longest time from the request to the last token of its answer, queue included; no limit if null. */
    public @Nullable Duration getTimeout() {
        return get(TIMEOUT);
    }

    /**
     * What happens to what a thinking model writes before its answer; told apart if null. Whether a model thinks is its template's
     * matter: see {@code enable_thinking} in {@link #getTemplateArguments()}.
     */
    public @Nullable ThinkingMode getThinking() {
        return get(THINKING);
    }

    /**
     * {@code false}: dense prefill, whatever else is set. {@code true}: pruned prefill, also for prompts shorter than
     * {@code slim-infer.pruning.min-prompt-tokens}. {@code null}: a schedule given here is used, otherwise the engine decides.
     */
    public @Nullable Boolean getPruning() {
        return get(PRUNING);
    }

    /**
     * Pruning layers and budgets, such as {@code "4:0.5,8:2048/512"}: after layer 4 half of the prompt stays live, after layer 8
     * 2,048 tokens, of which a generated token attends to 512. {@code "4:p0.9:0.125-0.5"}: the blocks that hold 0.9 of the score,
     * between an eighth and half of the prompt.
     */
    public @Nullable String getPruningSchedule() {
        return get(PRUNING_SCHEDULE);
    }

    /** Tokens in a block, the unit that is kept or pruned; the engine's own if null, as for the next four. */
    public @Nullable Integer getPruningBlock() {
        return get(PRUNING_BLOCK);
    }

    /** Consecutive tokens that are scored together. */
    public @Nullable Integer getPruningUnit() {
        return get(PRUNING_UNIT);
    }

    /** Last prompt tokens, whose queries do the scoring. */
    public @Nullable Integer getPruningWindow() {
        return get(PRUNING_WINDOW);
    }

    /** First prompt tokens, which are always kept. */
    public @Nullable Integer getPruningSink() {
        return get(PRUNING_SINK);
    }

    /** How a block's score follows from those of its units. */
    public @Nullable UnitAggregation getPruningAggregation() {
        return get(PRUNING_AGGREGATION);
    }

    /**
     * {@code false}: the whole prompt is computed, whatever {@code slim-infer.prefix-cache.reuse} allows; to measure what it costs.
     */
    public @Nullable Boolean getPrefixReuse() {
        return get(PREFIX_REUSE);
    }

    /**
     * {@code true}: the response's metadata holds the text of the prompt block by block, as {@link SlimInferMetadata#PROMPT_BLOCKS}. Whoever
     * can read that metadata can read the prompt.
     */
    public @Nullable Boolean getIncludePromptBlocks() {
        return get(INCLUDE_PROMPT_BLOCKS);
    }

    /** What answers look like that have no {@link #getOutputSchema}: anything, or any JSON object. */
    public @Nullable ResponseFormatMode getResponseFormat() {
        return get(RESPONSE_FORMAT);
    }

    /**
     * A JSON Schema that the answer is made to follow token by token, whatever {@link #getResponseFormat} says. Spring AI sets it where
     * {@code ChatClient} is asked for an entity with native structured output.
     */
    @Override
    public @Nullable String getOutputSchema() {
        return get(OUTPUT_SCHEMA);
    }

    /** Further variables of the chat template, such as {@code enable_thinking}; never null. */
    public Map<String, Object> getTemplateArguments() {
        return templateArguments;
    }

    @Override
    public Builder mutate() {
        Builder builder = new Builder();
        builder.own.putAll(own);
        builder.templateArguments.putAll(templateArguments);
        return builder.portable(this).toolCallbacks(getToolCallbacks()).toolContext(getToolContext());
    }

    public SlimInferChatOptions copy() {
        return mutate().build();
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return super.equals(other)
                && other instanceof SlimInferChatOptions that
                && own.equals(that.own)
                && templateArguments.equals(that.templateArguments);
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), own, templateArguments);
    }

    /** The options that are set, without the text of stop strings, schema or template arguments: fit for a log. */
    @Override
    public String toString() {
        Map<String, Object> set = new HashMap<>();
        own.forEach((option, value) ->
                set.put(option.name(), option == OUTPUT_SCHEMA ? ((String) value).length() + " characters" : value));
        set.put("model", getModel());
        set.put("temperature", getTemperature());
        set.put("top-k", getTopK());
        set.put("top-p", getTopP());
        set.put("frequency-penalty", getFrequencyPenalty());
        set.put("presence-penalty", getPresencePenalty());
        set.put("max-tokens", getMaxTokens());
        set.values().removeIf(Objects::isNull);
        return "SlimInferChatOptions" + new TreeMap<>(set);
    }

    private <T> @Nullable T get(Option<T> option) {
        return option.type().cast(own.get(option));
    }

    private record Option<T>(String name, Class<T> type) {}

    /** Builds {@link SlimInferChatOptions}; what is not set stays null. Not thread-safe. */
    public static final class Builder extends DefaultToolCallingChatOptions.Builder<Builder>
            implements StructuredOutputChatOptions.Builder<Builder> {

        private Map<Option<?>, Object> own = new HashMap<>();
        private Map<String, Object> templateArguments = new HashMap<>();

        private Builder() {}

        /** See {@link SlimInferChatOptions#getMinP()}. */
        public Builder minP(@Nullable Double minP) {
            return set(MIN_P, minP);
        }

        /** See {@link SlimInferChatOptions#getRepetitionPenalty()}. */
        public Builder repetitionPenalty(@Nullable Double repetitionPenalty) {
            return set(REPETITION_PENALTY, repetitionPenalty);
        }

        /** See {@link SlimInferChatOptions#getSeed()}. */
        public Builder seed(@Nullable Long seed) {
            return set(SEED, seed);
        }

        /** See {@link SlimInferChatOptions#getThinking()}. */
        public Builder thinking(@Nullable ThinkingMode thinking) {
            return set(THINKING, thinking);
        }

        /** See {@link SlimInferChatOptions#getTimeout()}. */
        public Builder timeout(@Nullable Duration timeout) {
            return set(TIMEOUT, timeout);
        }

        /** See {@link SlimInferChatOptions#getPruning()}. */
        public Builder pruning(@Nullable Boolean pruning) {
            return set(PRUNING, pruning);
        }

        /** See {@link SlimInferChatOptions#getPruningSchedule()}. */
        public Builder pruningSchedule(@Nullable String schedule) {
            return set(PRUNING_SCHEDULE, schedule);
        }

        /** See {@link SlimInferChatOptions#getPruningSchedule()}. */
        public Builder pruningSchedule(List<PruneStep> steps) {
            return pruningSchedule(steps.stream().map(PruneStep::toString).collect(Collectors.joining(",")));
        }

        /** See {@link SlimInferChatOptions#getPruningBlock()}. */
        public Builder pruningBlock(@Nullable Integer block) {
            return set(PRUNING_BLOCK, block);
        }

        /** See {@link SlimInferChatOptions#getPruningUnit()}. */
        public Builder pruningUnit(@Nullable Integer unit) {
            return set(PRUNING_UNIT, unit);
        }

        /** See {@link SlimInferChatOptions#getPruningWindow()}. */
        public Builder pruningWindow(@Nullable Integer window) {
            return set(PRUNING_WINDOW, window);
        }

        /** See {@link SlimInferChatOptions#getPruningSink()}. */
        public Builder pruningSink(@Nullable Integer sink) {
            return set(PRUNING_SINK, sink);
        }

        /** See {@link SlimInferChatOptions#getPruningAggregation()}. */
        public Builder pruningAggregation(@Nullable UnitAggregation aggregation) {
            return set(PRUNING_AGGREGATION, aggregation);
        }

        /** See {@link SlimInferChatOptions#getPrefixReuse()}. */
        public Builder prefixReuse(@Nullable Boolean reuse) {
            return set(PREFIX_REUSE, reuse);
        }

        /** See {@link SlimInferChatOptions#getIncludePromptBlocks()}. */
        public Builder includePromptBlocks(@Nullable Boolean include) {
            return set(INCLUDE_PROMPT_BLOCKS, include);
        }

        /** See {@link SlimInferChatOptions#getResponseFormat()}. */
        public Builder responseFormat(@Nullable ResponseFormatMode format) {
            return set(RESPONSE_FORMAT, format);
        }

        /** See {@link SlimInferChatOptions#getOutputSchema()}. */
        @Override
        public Builder outputSchema(@Nullable String schema) {
            return set(OUTPUT_SCHEMA, schema);
        }

        /** Replaces all arguments; see {@link SlimInferChatOptions#getTemplateArguments()}. */
        public Builder templateArguments(Map<String, Object> arguments) {
            templateArguments = new HashMap<>(arguments);
            return this;
        }

        public Builder templateArgument(String name, Object value) {
            templateArguments.put(name, value);
            return this;
        }

        /**
         * Takes what {@code other} sets and keeps the rest. As everywhere in Spring AI, stop strings and tools are added to those
         * already here. Another provider's options give what is portable.
         */
        @Override
        public Builder combineWith(ChatOptions.Builder<?> other) {
            super.combineWith(other);
            if (other instanceof Builder that) {
                own.putAll(that.own);
                templateArguments.putAll(that.templateArguments);
            }
            return this;
        }

        @Override
        public Builder clone() {
            Builder copy = super.clone();
            copy.own = new HashMap<>(own);
            copy.templateArguments = new HashMap<>(templateArguments);
            return copy;
        }

        @Override
        public SlimInferChatOptions build() {
            return new SlimInferChatOptions(super.build(), own, templateArguments);
        }

        private Builder portable(ChatOptions options) {
            model(options.getModel());
            frequencyPenalty(options.getFrequencyPenalty());
            maxTokens(options.getMaxTokens());
            presencePenalty(options.getPresencePenalty());
            stopSequences(options.getStopSequences());
            temperature(options.getTemperature());
            topK(options.getTopK());
            topP(options.getTopP());
            return this;
        }

        private <T> Builder set(Option<T> option, @Nullable T value) {
            if (value == null) {
                own.remove(option);
            } else {
                own.put(option, value);
            }
            return this;
        }
    }
}
