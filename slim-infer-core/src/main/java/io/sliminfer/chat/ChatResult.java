package io.sliminfer.chat;

import io.sliminfer.chat.tools.ToolCall;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How an answer ended.
 *
 * @param text            the whole answer, without thinking and calls told apart from it
 * @param thinking        what was thought before; empty unless asked for by {@link ThinkingMode#SEPARATE}
 * @param toolCalls       in the model's order
 * @param toolCallProblem what is wrong with a call that is in the text because it cannot be read, or null. A call that the limit of
 *                        tokens cut is one, too
 * @param formatComplete  whether the text is all of what the request's {@link ResponseFormat} asks for; null if it asks for nothing, or tools are called.
 *                        False where tokens, a stop string or the caller cut it, as the finish reason says
 */
public record ChatResult(
        String text,
        String thinking,
        List<ToolCall> toolCalls,
        @Nullable String toolCallProblem,
        FinishReason finishReason,
        GenerationReport report,
        @Nullable Boolean formatComplete) {

    public ChatResult {
        toolCalls = List.copyOf(toolCalls);
    }

    /** An answer of text alone. */
    public ChatResult(String text, FinishReason finishReason, GenerationReport report) {
        this(text, "", List.of(), null, finishReason, report, null);
    }
}
