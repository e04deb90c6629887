package io.sliminfer.samples.rag;

import io.sliminfer.chat.PromptBlock;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.kv.KvTransfers;
import io.sliminfer.spring.SlimInferChatOptions;
import io.sliminfer.spring.SlimInferMetadata;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.metadata.ChatGenerationMetadata;
import org.springframework.ai.chat.metadata.ChatResponseMetadata;
import org.springframework.ai.chat.metadata.DefaultUsage;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.Generation;
import org.springframework.ai.chat.prompt.Prompt;
import reactor.core.publisher.Flux;

/** Answers as it is told to, in the form in which the starter's model answers, and remembers what it was asked. */
public final class StubChatModel implements ChatModel {

    private final List<Prompt> prompts = Collections.synchronizedList(new ArrayList<>());
    private volatile Flux<ChatResponse> stream = Flux.empty();

    /** What the next streams consist of. */
    public void streams(Flux<ChatResponse> responses) {
        this.stream = responses;
    }

    public Prompt lastPrompt() {
        return prompts.get(prompts.size() - 1);
    }

    @Override
    public ChatResponse call(Prompt prompt) {
        prompts.add(prompt);
        return finished("The answer.");
    }

    @Override
    public Flux<ChatResponse> stream(Prompt prompt) {
        prompts.add(prompt);
        return stream;
    }

    @Override
    public SlimInferChatOptions getOptions() {
        return SlimInferChatOptions.builder().maxTokens(96).build();
    }

    public static Flux<ChatResponse> pieces(String... texts) {
        return Flux.just(texts).map(StubChatModel::piece).concatWithValues(finished(""));
    }

    public static ChatResponse piece(String text) {
        return new ChatResponse(List.of(new Generation(new AssistantMessage(text))));
    }

    public static ChatResponse finished(String text) {
        GenerationReport report =
                report(List.of(stage(0, 4, 8_192, 128), stage(5, 8, 4_096, 64), stage(9, 11, 2_048, 32)));
        ChatResponseMetadata metadata = ChatResponseMetadata.builder()
                .usage(new DefaultUsage(report.promptTokens(), report.generatedTokens()))
                .keyValue(SlimInferMetadata.TTFT_MS, 1_203.0)
                .keyValue(SlimInferMetadata.QUEUE_MS, 3.0)
                .keyValue(SlimInferMetadata.PER_TOKEN_MS, 10.0)
                .keyValue(SlimInferMetadata.REPORT, report)
                .keyValue(SlimInferMetadata.PROMPT_BLOCKS, prompt())
                .build();
        ChatGenerationMetadata stop =
                ChatGenerationMetadata.builder().finishReason("STOP").build();
        return new ChatResponse(List.of(new Generation(new AssistantMessage(text), stop)), metadata);
    }

    static GenerationReport report(List<GenerationReport.Stage> stages) {
        return new GenerationReport(
                1,
                8_192,
                0,
                17,
                stages,
                0.354,
                0.41,
                3e12,
                9_000_000,
                KvTransfers.NONE,
                1,
                Instant.EPOCH,
                Duration.ofMillis(3),
                Duration.ofMillis(1_200),
                List.of(Duration.ofMillis(900), Duration.ofMillis(200), Duration.ofMillis(80)),
                Duration.ofMillis(160));
    }

    private static List<PromptBlock> prompt() {
        return IntStream.range(0, 128)
                .mapToObj(index -> new PromptBlock(
                        64 * index,
                        64,
                        index == 0
                                ? PromptBlock.Role.SINK
                                : index == 127 ? PromptBlock.Role.WINDOW : PromptBlock.Role.CANDIDATE,
                        "Text of block " + index + ". "))
                .toList();
    }

    private static GenerationReport.Stage stage(int firstLayer, int lastLayer, int liveTokens, int blocks) {
        return new GenerationReport.Stage(
                firstLayer,
                lastLayer,
                liveTokens,
                IntStream.range(0, blocks).boxed().toList());
    }
}
