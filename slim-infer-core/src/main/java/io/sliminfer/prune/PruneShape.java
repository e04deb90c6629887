package io.sliminfer.prune;

/**
 * The sizes of one pruning decision of prefill, or of one choice of active blocks in decode, known before blocks are chosen, and how it scores. Blocks are counted in <em>ranks</em>: rank r is the
 * r-th live block in position order.
 *
 * @param block       tokens in a block
 * @param unit        tokens in a unit
 * @param window      rows whose queries score: the last {@code min(W, promptTokens)} of the prompt, or 1 in decode
 * @param liveTokens  rows before the decision; the last block may be short
 * @param liveBlocks  blocks before the decision
 * @param headBlocks  protected blocks at the front (sink)
 * @param tailBlocks  protected blocks at the end (window), not counted in {@code headBlocks}
 * @param keptBlocks  blocks that stay, protected ones included
 * @param keptTokens  rows that stay
 * @param aggregation how a block's score follows from those of its units
 */
public record PruneShape(
        int block,
        int unit,
        int window,
        int liveTokens,
        int liveBlocks,
        int headBlocks,
        int tailBlocks,
        int keptBlocks,
        int keptTokens,
        UnitAggregation aggregation) {

    /** A block scores as its best unit. */
    public PruneShape(
            int block,
            int unit,
            int window,
            int liveTokens,
            int liveBlocks,
            int headBlocks,
            int tailBlocks,
            int keptBlocks,
            int keptTokens) {
        this(
                block,
                unit,
                window,
                liveTokens,
                liveBlocks,
                headBlocks,
                tailBlocks,
                keptBlocks,
                keptTokens,
                UnitAggregation.MAX);
    }

    /** Live blocks that may be dropped: ranks {@code headBlocks .. liveBlocks - tailBlocks - 1}, each of {@code block} tokens. */
    public int candidates() {
        return liveBlocks - headBlocks - tailBlocks;
    }

    /** Candidates that stay. */
    public int keptCandidates() {
        return keptBlocks - headBlocks - tailBlocks;
    }

    /** Whether every live block stays, so that nothing needs to be scored. */
    public boolean keepsAll() {
        return keptBlocks == liveBlocks;
    }

    /** Tokens of the block with this rank. */
    public int tokensOf(int rank) {
        return rank == liveBlocks - 1 ? liveTokens - (liveBlocks - 1) * block : block;
    }
}
