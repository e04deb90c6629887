package io.sliminfer.samples.rag;

import io.sliminfer.chat.PromptBlock;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.spring.SlimInferMetadata;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.model.ChatResponse;

/**
 * The prompt of an answer, block by block: what the page draws as a strip. Holds the prompt's text.
 *
 * @param layers   of the model
 * @param blocks   in the prompt's order
 * @param passages for each source, in the sources' order, the blocks that its text lies in; null for a text that is not found in the prompt
 */
public record PromptStrip(int layers, List<Block> blocks, List<@Nullable Range> passages) {

    /**
     * @param lastLayer last layer that computed the block; the model's last if it was kept to the end
     */
    public record Block(int firstToken, int tokens, PromptBlock.Role role, int lastLayer, String text) {}

    /** Indexes of blocks, both included. */
    public record Range(int first, int last) {}

    /** The strip of a finished answer, or null if the application was not told to show prompts. */
    static @Nullable PromptStrip of(ChatResponse response, List<Source> sources) {
        GenerationReport report = response.getMetadata().get(SlimInferMetadata.REPORT);
        List<PromptBlock> prompt = response.getMetadata().get(SlimInferMetadata.PROMPT_BLOCKS);
        if (report == null || prompt == null) {
            return null;
        }
        int[] lastLayers = new int[prompt.size()];
        for (GenerationReport.Stage stage : report.stages()) {
            stage.keptBlocks().forEach(block -> lastLayers[block] = stage.lastLayer());
        }
        List<Block> blocks = new ArrayList<>(prompt.size());
        for (int index = 0; index < prompt.size(); index++) {
            PromptBlock block = prompt.get(index);
            blocks.add(new Block(block.firstToken(), block.tokens(), block.role(), lastLayers[index], block.text()));
        }
        int layers = report.stages().get(report.stages().size() - 1).lastLayer() + 1;
        return new PromptStrip(layers, List.copyOf(blocks), passages(prompt, sources));
    }

    private static List<@Nullable Range> passages(List<PromptBlock> prompt, List<Source> sources) {
        int[] ends = new int[prompt.size()];
        StringBuilder text = new StringBuilder();
        for (int index = 0; index < ends.length; index++) {
            text.append(prompt.get(index).text());
            ends[index] = text.length();
        }
        List<@Nullable Range> passages = new ArrayList<>(sources.size());
        for (Source source : sources) {
            int start = text.indexOf(source.text());
            passages.add(
                    start < 0 || source.text().isEmpty()
                            ? null
                            : new Range(
                                    blockAt(ends, start),
                                    blockAt(ends, start + source.text().length() - 1)));
        }
        return passages;
    }

    /** The block that holds a character. */
    private static int blockAt(int[] ends, int character) {
        int block = 0;
        while (ends[block] <= character) {
            block++;
        }
        return block;
    }
}
