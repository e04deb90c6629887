package io.sliminfer.chat;

/**
 * A block of a prompt, with its text: what the indexes in {@link io.sliminfer.engine.GenerationReport.Stage#keptBlocks} stand for.
 *
 * @param firstToken index of its first token in the prompt
 * @param tokens     how many it has; only a prompt's last block may be shorter than the others
 * @param role       why it is kept, or that it may be dropped
 * @param text       of its tokens, control tokens as the template writes them; a character of several tokens is in the block of the last
 */
public record PromptBlock(int firstToken, int tokens, Role role, String text) {

    /** What a block is to pruning. */
    public enum Role {
        /** Holds one of the first tokens, which always stay. */
        SINK,
        /** Holds one of the last tokens, which score the others and always stay. */
        WINDOW,
        /** Stays where its score is among the best. */
        CANDIDATE
    }
}
