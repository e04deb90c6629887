package io.sliminfer.chat;

import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/**
 * A prompt as its ids.
 *
 * @param ids      never changed
 * @param schedule whose blocks, sink and window count
 */
record TokenizedPrompt(int[] ids, PruneSchedule schedule, Tokenizer tokenizer) implements ChatPrompt {

    @Override
    public int tokens() {
        return ids.length;
    }

    @Override
    public List<PromptBlock> blocks() {
        int block = schedule.block();
        int sinkBlocks = schedule.sinkBlocks(ids.length);
        int firstWindowBlock = schedule.firstWindowBlock(ids.length);
        List<String> texts = tokenizer.texts(ids, block);
        List<PromptBlock> blocks = new ArrayList<>(texts.size());
        for (int index = 0; index < texts.size(); index++) {
            int firstToken = index * block;
            PromptBlock.Role role = index >= firstWindowBlock
                    ? PromptBlock.Role.WINDOW
                    : index < sinkBlocks ? PromptBlock.Role.SINK : PromptBlock.Role.CANDIDATE;
            blocks.add(new PromptBlock(firstToken, Math.min(block, ids.length - firstToken), role, texts.get(index)));
        }
        return List.copyOf(blocks);
    }
}
