package io.sliminfer.chat;

import io.sliminfer.engine.Sampling;
import io.sliminfer.prune.PruneSchedule;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A conversation to continue.
 *
 * @param messages  in the shape that chat templates take: {@code role}, {@code content}, perhaps {@code tool_calls}; values are
 *                  strings, numbers, booleans, null, lists and maps
 * @param tools     tool definitions in the shape that chat templates take ({@code {type: function, function: {name, description,
 *                  parameters}}}), or empty: then nothing in the answer is taken for a call
 * @param arguments further template variables, such as {@code enable_thinking}
 * @param maxTokens most tokens to generate, or 0 for {@link #MAX_TOKENS_DEFAULT}, or fewer where the engine allows no more
 * @param stop      strings that end the answer and are not part of it
 * @param schedule  null for the engine's own, see {@link io.sliminfer.engine.GenerationRequest#schedule()}
 * @param prefixReuse see {@link io.sliminfer.engine.GenerationRequest#prefixReuse()}
 * @param thinking  what happens to what a thinking model writes before its answer
 * @param timeout     longest time from submit to the last token, or null for any
 * @param format    what the answer must look like, if it does not call a tool
 */
public record ChatRequest(
        List<Map<String, Object>> messages,
        List<Map<String, Object>> tools,
        Map<String, Object> arguments,
        Sampling sampling,
        int maxTokens,
        List<String> stop,
        @Nullable PruneSchedule schedule,
        boolean prefixReuse,
        ThinkingMode thinking,
        @Nullable Duration timeout,
        ResponseFormat format) {

    /** KV memory is set aside for all tokens that may be generated, so an answer needs a limit; where it cuts, the finish reason says so. */
    public static final int MAX_TOKENS_DEFAULT = 1024;

    /** A request that may use the prefix cache, has thinking told apart, and whose answer may be anything. */
    public ChatRequest(
            List<Map<String, Object>> messages,
            List<Map<String, Object>> tools,
            Map<String, Object> arguments,
            Sampling sampling,
            int maxTokens,
            List<String> stop,
            @Nullable PruneSchedule schedule) {
        this(
                messages,
                tools,
                arguments,
                sampling,
                maxTokens,
                stop,
                schedule,
                true,
                ThinkingMode.SEPARATE,
                null,
                ResponseFormat.TEXT);
    }

    /** A request whose answer may be anything. */
    public ChatRequest(
            List<Map<String, Object>> messages,
            List<Map<String, Object>> tools,
            Map<String, Object> arguments,
            Sampling sampling,
            int maxTokens,
            List<String> stop,
            @Nullable PruneSchedule schedule,
            boolean prefixReuse,
            ThinkingMode thinking,
            @Nullable Duration timeout) {
        this(
                messages,
                tools,
                arguments,
                sampling,
                maxTokens,
                stop,
                schedule,
                prefixReuse,
                thinking,
                timeout,
                ResponseFormat.TEXT);
    }

    public ChatRequest {
        if (messages.isEmpty()) {
            throw new IllegalArgumentException("the prompt is empty: give at least one message");
        }
        if (maxTokens < 0) {
            throw new IllegalArgumentException(
                    "max-tokens=" + maxTokens + " is not allowed: use 1 or more, or 0 for the default");
        }
        for (String string : stop) {
            if (string.isEmpty()) {
                throw new IllegalArgumentException(
                        "an empty stop string is not allowed: it would end every answer at once");
            }
        }
        messages = List.copyOf(messages);
        tools = List.copyOf(tools);
        stop = List.copyOf(stop);
    }
}
