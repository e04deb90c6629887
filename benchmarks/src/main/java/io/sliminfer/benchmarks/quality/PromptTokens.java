package io.sliminfer.benchmarks.quality;

import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFormatException;
import io.sliminfer.text.ChatTemplate;
import io.sliminfer.text.RenderedPrompt;
import io.sliminfer.text.Tokenizer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Counts tokens as the model sees them: rendered by its chat template, encoded by its tokenizer. Any thread. */
public final class PromptTokens implements AutoCloseable {

    private final ChatTemplate template;
    private final Tokenizer tokenizer;

    private PromptTokens(ChatTemplate template, Tokenizer tokenizer) {
        this.template = template;
        this.tokenizer = tokenizer;
    }

    /**
     * @throws ModelFormatException if the folder has no chat template or tokenizer, or one that cannot be used
     */
    public static PromptTokens open(Path model) {
        try (ModelFolder folder = ModelFolder.open(model)) {
            String source = folder.chatTemplate()
                    .orElseThrow(() -> new ModelFormatException(
                            model + " has no chat template: quality is measured on chat models only"));
            return new PromptTokens(
                    ChatTemplate.parse(source, folder.specialTokens()),
                    Tokenizer.load(
                            folder.tokenizer()
                                    .orElseThrow(() -> new ModelFormatException(model + " has no tokenizer.json")),
                            folder.config().vocabulary()));
        }
    }

    /** Prompt tokens of a conversation. */
    public int count(List<Turn> turns) {
        return ids(turns).length;
    }

    /** The prompt's ids, as the engine gets them. */
    public int[] ids(List<Turn> turns) {
        return tokenizer.encode(render(turns));
    }

    /**
     * Where a piece of text lies in a conversation, counted by encoding what stands before its start and its end. A token that
     * reaches over an edge can shift the result by one.
     *
     * @return first token and the one after the last
     * @throws IllegalArgumentException if the text is not there
     */
    public Span find(List<Turn> turns, String text) {
        RenderedPrompt prompt = render(turns);
        int start = prompt.text().indexOf(text);
        if (start < 0) {
            throw new IllegalArgumentException("the prompt does not have the text: " + text);
        }
        return new Span(before(prompt, start), before(prompt, start + text.length()));
    }

    /**
     * Tokens {@code first} to {@code end}, exclusive.
     */
    public record Span(int first, int end) {
        int length() {
            return end - first;
        }
    }

    /** Ids of a text that is no conversation: what LongBench truncates. */
    public int[] encode(String text) {
        return tokenizer.encode(RenderedPrompt.untrusted(text));
    }

    public String decode(int[] ids) {
        return tokenizer.decode(ids);
    }

    private RenderedPrompt render(List<Turn> turns) {
        return template.render(turns.stream().map(Turn::toTemplate).toList(), List.of(), Map.of());
    }

    private int before(RenderedPrompt prompt, int end) {
        int[] runs = prompt.trustedRuns();
        int kept = 0;
        while (kept < runs.length && runs[kept] < end) {
            kept += 2;
        }
        int[] clipped = Arrays.copyOf(runs, kept);
        for (int i = 1; i < kept; i += 2) {
            clipped[i] = Math.min(clipped[i], end);
        }
        return tokenizer.encode(new RenderedPrompt(prompt.text().substring(0, end), clipped)).length;
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
