package io.sliminfer.samples.rag;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.chat.PromptBlock;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.spring.SlimInferMetadata;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.metadata.ChatResponseMetadata;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.Generation;

class PromptStripTests {

    private static final List<PromptBlock> PROMPT = List.of(
            block(0, PromptBlock.Role.SINK, "<s>Context: the pum"),
            block(1, PromptBlock.Role.CANDIDATE, "p is blue.\nThe mill is "),
            block(2, PromptBlock.Role.CANDIDATE, "red.\nThe boat"),
            block(3, PromptBlock.Role.WINDOW, " is old. Query?"));

    private static PromptBlock block(int index, PromptBlock.Role role, String text) {
        return new PromptBlock(4 * index, 4, role, text);
    }

    private static ChatResponse response(@Nullable List<PromptBlock> prompt) {
        GenerationReport report = StubChatModel.report(List.of(
                new GenerationReport.Stage(0, 2, 16, List.of(0, 1, 2, 3)),
                new GenerationReport.Stage(3, 4, 12, List.of(0, 1, 3)),
                new GenerationReport.Stage(5, 7, 8, List.of(0, 3))));
        ChatResponseMetadata.Builder metadata =
                ChatResponseMetadata.builder().keyValue(SlimInferMetadata.REPORT, report);
        if (prompt != null) {
            metadata.keyValue(SlimInferMetadata.PROMPT_BLOCKS, prompt);
        }
        return new ChatResponse(List.of(new Generation(new AssistantMessage(""))), metadata.build());
    }

    private static Source source(String text) {
        return new Source("a.txt", text, 0.5);
    }

    @Test
    void aBlockGoesAsFarAsTheLastStageThatKeptIt() {
        PromptStrip strip = PromptStrip.of(response(PROMPT), List.of());

        assertThat(strip).isNotNull();
        assertThat(strip.layers()).isEqualTo(8);
        assertThat(strip.blocks()).extracting(PromptStrip.Block::lastLayer).containsExactly(7, 4, 2, 7);
        assertThat(strip.blocks())
                .extracting(PromptStrip.Block::text)
                .containsExactlyElementsOf(
                        PROMPT.stream().map(PromptBlock::text).toList());
    }

    @Test
    void aPassageIsFoundInTheBlocksThatItFills() {
        PromptStrip strip = PromptStrip.of(
                response(PROMPT),
                List.of(
                        source("The mill is red."),
                        source("the pump is blue."),
                        source("The boat is old."),
                        source("is old"),
                        source("not there")));

        assertThat(strip).isNotNull();
        assertThat(strip.passages())
                .containsExactly(
                        new PromptStrip.Range(1, 2),
                        new PromptStrip.Range(0, 1),
                        new PromptStrip.Range(2, 3),
                        new PromptStrip.Range(3, 3),
                        null);
    }

    @Test
    void thereIsNoStripWithoutThePrompt() {
        assertThat(PromptStrip.of(response(null), List.of())).isNull();
    }
}
