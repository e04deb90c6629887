package io.sliminfer.spring;

import io.sliminfer.chat.ChatResult;
import io.sliminfer.chat.PromptBlock;
import io.sliminfer.chat.tools.ToolCall;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.metadata.ChatGenerationMetadata;
import org.springframework.ai.chat.metadata.ChatResponseMetadata;
import org.springframework.ai.chat.metadata.DefaultUsage;
import org.springframework.ai.chat.metadata.Usage;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.Generation;

/**
 * Turns the engine's results into Spring AI's responses. One for each request. Stateless.
 *
 * @param id    of the response; all chunks of a stream have the same one
 * @param model name of the loaded model
 */
record ResponseMapper(String id, String model) {

    /** A piece of a streamed answer. */
    ChatResponse delta(String text) {
        return piece(new AssistantMessage(text));
    }

    /** A piece of what the model thinks before it answers. */
    ChatResponse thinkingDelta(String text) {
        return piece(message("", Map.of(SlimInferMetadata.THINKING_DELTA, text), List.of()));
    }

    /** A whole call. It is alone in its chunk, and in no other: clients collect the calls of all chunks. */
    ChatResponse toolCall(ToolCall call) {
        return piece(message("", Map.of(), List.of(call)));
    }

    private ChatResponse piece(AssistantMessage message) {
        return response(message, ChatGenerationMetadata.NULL, metadata().build());
    }

    /** The end of a streamed answer: no text and no calls, all metadata. */
    ChatResponse last(ChatResult result, @Nullable List<PromptBlock> promptBlocks) {
        return finished(message("", thinking(result), List.of()), result, promptBlocks);
    }

    /** A whole answer with all metadata. */
    ChatResponse complete(ChatResult result, @Nullable List<PromptBlock> promptBlocks) {
        return finished(message(result.text(), thinking(result), result.toolCalls()), result, promptBlocks);
    }

    private static Map<String, Object> thinking(ChatResult result) {
        return result.thinking().isEmpty() ? Map.of() : Map.of(SlimInferMetadata.THINKING, result.thinking());
    }

    private static AssistantMessage message(String text, Map<String, Object> metadata, List<ToolCall> calls) {
        return AssistantMessage.builder()
                .content(text)
                .properties(metadata)
                .toolCalls(calls.stream()
                        .map(call ->
                                new AssistantMessage.ToolCall(call.id(), "function", call.name(), call.arguments()))
                        .toList())
                .build();
    }

    private ChatResponse finished(
            AssistantMessage message, ChatResult result, @Nullable List<PromptBlock> promptBlocks) {
        GenerationReport report = result.report();
        ChatResponseMetadata.Builder response = metadata()
                .usage(usage(report))
                .keyValue(SlimInferMetadata.TTFT_MS, millis(report.timeToFirstToken()))
                .keyValue(SlimInferMetadata.QUEUE_MS, millis(report.queued()))
                .keyValue(SlimInferMetadata.PREFILL_MS, millis(report.prefill()))
                .keyValue(SlimInferMetadata.PER_TOKEN_MS, millis(report.perToken()))
                .keyValue(SlimInferMetadata.PRUNED_SHARE, report.prunedShare())
                .keyValue(SlimInferMetadata.FLOPS_SAVED_SHARE, report.flopsSavedShare())
                .keyValue(SlimInferMetadata.CACHED_TOKENS, report.cachedTokens())
                .keyValue(SlimInferMetadata.KV_BYTES, report.kvBytes())
                .keyValue(
                        SlimInferMetadata.STAGES,
                        report.stages().stream().map(ResponseMapper::stage).toList())
                .keyValue(SlimInferMetadata.REPORT, report);
        if (result.formatComplete() != null) {
            response.keyValue(SlimInferMetadata.FORMAT_COMPLETE, result.formatComplete());
        }
        if (promptBlocks != null) {
            response.keyValue(SlimInferMetadata.PROMPT_BLOCKS, promptBlocks);
        }
        return response(message, generation(result), response.build());
    }

    private static ChatGenerationMetadata generation(ChatResult result) {
        ChatGenerationMetadata.Builder generation = ChatGenerationMetadata.builder();
        String reason = result.finishReason().name();
        if (result.finishReason() == FinishReason.STOP && !result.toolCalls().isEmpty()) {
            reason = SlimInferMetadata.TOOL_CALLS;
        }
        String problem = result.toolCallProblem();
        if (problem != null && result.finishReason() != FinishReason.CANCELLED) {
            reason = SlimInferMetadata.MALFORMED_TOOL_CALL;
            boolean cut = result.finishReason() == FinishReason.LENGTH;
            generation.metadata(
                    SlimInferMetadata.TOOL_CALL_PROBLEM,
                    cut ? problem + ". The answer was cut at its most tokens: raise max-tokens" : problem);
        }
        return generation.finishReason(reason).build();
    }

    /** Cached tokens are among the prompt's, as other providers count them. */
    private static Usage usage(GenerationReport report) {
        int prompt = report.promptTokens();
        int generated = report.generatedTokens();
        return new DefaultUsage(prompt, generated, prompt + generated, null, (long) report.cachedTokens(), null);
    }

    private ChatResponseMetadata.Builder metadata() {
        return ChatResponseMetadata.builder().id(id).model(model);
    }

    private static ChatResponse response(
            AssistantMessage message, ChatGenerationMetadata generation, ChatResponseMetadata metadata) {
        return new ChatResponse(List.of(new Generation(message, generation)), metadata);
    }

    private static Map<String, Object> stage(GenerationReport.Stage stage) {
        return Map.of(
                "firstLayer", stage.firstLayer(),
                "lastLayer", stage.lastLayer(),
                "liveTokens", stage.liveTokens(),
                "keptBlocks", stage.keptBlocks(),
                "activeTokens", stage.decode().activeTokens(),
                "swaps", stage.decode().swaps());
    }

    private static double millis(Duration duration) {
        return duration.toNanos() / 1e6;
    }
}
