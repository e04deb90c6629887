package io.sliminfer.engine;

import io.sliminfer.prune.PruneShape;
import java.util.List;

/**
 * The prompt blocks that decode attends to in the layers of one stage: one set for all of them, as ranks among the stage's live
 * blocks. Engine thread only.
 */
final class ActiveBlocks {

    private final PruneShape shape;
    private final SwapPolicy policy;
    private int[] ranks = {};
    private int swaps;

    ActiveBlocks(PruneShape shape, SwapPolicy policy) {
        this.shape = shape;
        this.policy = policy;
    }

    PruneShape shape() {
        return shape;
    }

    /** Active ranks, ascending, the last prompt block always among them; empty before the first choice. */
    int[] ranks() {
        return ranks;
    }

    /** How often the set was exchanged; the first choice does not count. */
    int swaps() {
        return swaps;
    }

    /**
     * Follows a choice, or keeps the set where it overlaps enough.
     *
     * @param wanted ranks, ascending
     * @return whether the set is another one now
     */
    boolean want(int[] wanted) {
        boolean first = ranks.length == 0;
        if (!first && !policy.swaps(wanted, ranks)) {
            return false;
        }
        swaps += first ? 0 : 1;
        ranks = wanted;
        return true;
    }

    /**
     * The part of a layer's slot table that holds some of its blocks, in order, and all that comes after the last of them. All
     * blocks but a prompt's last are full, so the result is a slot table of their tokens.
     *
     * @param table         slots of the layer's live blocks and of generated tokens
     * @param ranks         ranks in the layer's stage, ascending, at least one
     * @param slotsPerBlock slots that a full block fills
     */
    static int[] slotsOf(int[] table, int[] ranks, int slotsPerBlock) {
        int last = ranks.length - 1;
        int rest = ranks[last] * slotsPerBlock;
        int[] slots = new int[last * slotsPerBlock + table.length - rest];
        for (int i = 0; i < last; i++) {
            System.arraycopy(table, ranks[i] * slotsPerBlock, slots, i * slotsPerBlock, slotsPerBlock);
        }
        System.arraycopy(table, rest, slots, last * slotsPerBlock, table.length - rest);
        return slots;
    }

    /** Ranks that blocks have among the blocks of the stage before; both ascending, all of them there. */
    static int[] ranksIn(List<Integer> before, List<Integer> blocks) {
        int[] ranks = new int[blocks.size()];
        for (int i = 0, rank = 0; i < ranks.length; i++, rank++) {
            while (!before.get(rank).equals(blocks.get(i))) {
                rank++;
            }
            ranks[i] = rank;
        }
        return ranks;
    }
}
