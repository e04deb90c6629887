package io.sliminfer.spring;

import io.sliminfer.chat.ResponseFormat;
import io.sliminfer.chat.ThinkingMode;
import io.sliminfer.engine.Sampling;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What options mean to the engine. The one mapping for run-time options and, through {@code SlimInferProperties}, for configured
 * ones. Errors name the option as its property is spelled. Stateless.
 */
public final class OptionsMapper {

    private OptionsMapper() {}

    /**
     * @throws IllegalArgumentException naming an option that is out of range or not a finite number
     */
    public static Sampling sampling(SlimInferChatOptions options) {
        Sampling off = Sampling.GREEDY;
        return new Sampling(
                orElse(options.getTemperature(), off.temperature()),
                orElse(options.getTopK(), off.topK()),
                orElse(options.getTopP(), off.topP()),
                orElse(options.getMinP(), off.minP()),
                orElse(options.getRepetitionPenalty(), off.repetitionPenalty()),
                orElse(options.getFrequencyPenalty(), off.frequencyPenalty()),
                orElse(options.getPresencePenalty(), off.presencePenalty()),
                options.getSeed());
    }

    /**
     * Most tokens to generate, 0 for no limit of its own.
     *
     * @throws IllegalArgumentException if it is negative
     */
    public static int maxTokens(SlimInferChatOptions options) {
        int maxTokens = orElse(options.getMaxTokens(), 0);
        if (maxTokens < 0) {
            throw new IllegalArgumentException(
                    "max-tokens=" + maxTokens + " is not allowed: use 1 or more, or 0 for no limit");
        }
        return maxTokens;
    }

    /**
     * @throws IllegalArgumentException if one is empty
     */
    public static List<String> stop(SlimInferChatOptions options) {
        List<String> stop = orElse(options.getStopSequences(), List.of());
        if (stop.contains("")) {
            throw new IllegalArgumentException(
                    "stop-sequences: an empty string is not allowed, it would end every answer at once");
        }
        return stop;
    }

    /** What happens to what a thinking model writes before its answer. */
    public static ThinkingMode thinking(SlimInferChatOptions options) {
        return orElse(options.getThinking(), ThinkingMode.SEPARATE);
    }

    /**
     * What the answer must look like; a schema counts more than a mode.
     */
    public static ResponseFormat responseFormat(SlimInferChatOptions options) {
        String schema = options.getOutputSchema();
        if (schema != null && !schema.isBlank()) {
            return new ResponseFormat.JsonSchema(schema);
        }
        return orElse(options.getResponseFormat(), ResponseFormatMode.TEXT) == ResponseFormatMode.JSON_OBJECT
                ? ResponseFormat.JSON_OBJECT
                : ResponseFormat.TEXT;
    }

    /**
     * Longest time for the whole request, or null for any.
     *
     * @throws IllegalArgumentException if it is not above zero
     */
    public static @Nullable Duration timeout(SlimInferChatOptions options) {
        Duration timeout = options.getTimeout();
        if (timeout != null && (timeout.isZero() || timeout.isNegative())) {
            throw new IllegalArgumentException(
                    "timeout=" + timeout + " is not allowed: use a time above zero, or leave it out for no limit");
        }
        return timeout;
    }

    /**
     * The schedule that the options ask for, or null if they leave it to the engine.
     *
     * @param engine the engine's own schedule, for whatever is not set
     * @throws IllegalArgumentException if pruning is asked for without a schedule to follow, or the schedule is invalid
     */
    public static @Nullable PruneSchedule schedule(SlimInferChatOptions options, PruneSchedule engine) {
        boolean shaped = options.getPruningBlock() != null
                || options.getPruningUnit() != null
                || options.getPruningWindow() != null
                || options.getPruningSink() != null
                || options.getPruningAggregation() != null;
        if (options.getPruning() == null && options.getPruningSchedule() == null && !shaped) {
            return null;
        }
        return new PruneSchedule(
                orElse(options.getPruningBlock(), engine.block()),
                orElse(options.getPruningUnit(), engine.unit()),
                orElse(options.getPruningWindow(), engine.window()),
                orElse(options.getPruningSink(), engine.sink()),
                orElse(options.getPruningAggregation(), engine.aggregation()),
                steps(options, engine));
    }

    /**
     * Checks what can be checked without a model.
     *
     * @throws IllegalArgumentException naming an option that is not allowed
     */
    public static void check(SlimInferChatOptions options) {
        sampling(options);
        maxTokens(options);
        stop(options);
        timeout(options);
    }

    private static List<PruneStep> steps(SlimInferChatOptions options, PruneSchedule engine) {
        if (Boolean.FALSE.equals(options.getPruning())) {
            return List.of();
        }
        String schedule = options.getPruningSchedule();
        List<PruneStep> steps = schedule == null ? engine.steps() : PruneSchedule.parseSteps(schedule);
        boolean denseOnPurpose = schedule != null && options.getPruning() == null;
        if (steps.isEmpty() && !denseOnPurpose) {
            throw new IllegalArgumentException(
                    "Pruning was asked for, but there is no schedule to follow: the engine prefills"
                            + " densely. Give pruning-schedule as well, for example 4:0.5,8:0.25.");
        }
        return steps;
    }

    private static <T> T orElse(@Nullable T value, T fallback) {
        return value == null ? fallback : value;
    }
}
