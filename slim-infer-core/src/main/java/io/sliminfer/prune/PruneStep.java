package io.sliminfer.prune;

import org.jspecify.annotations.Nullable;

/**
 * One entry of a schedule: at {@code layer}, after its attention, at most {@code budget} tokens stay live. With a decode budget
 * a generated token attends, in the layers after it, to at most so many of them.
 *
 * @param layer  index of the pruning layer, counted from 0
 * @param decode prompt tokens that decode attends to, or null for all that stayed live
 */
public record PruneStep(int layer, Budget budget, Budget.@Nullable Fixed decode) {

    public PruneStep {
        if (layer < 0) {
            throw new IllegalArgumentException("pruning layer " + layer + " is not allowed: layers count from 0");
        }
    }

    /** Decode attends to all that stayed live. */
    public PruneStep(int layer, Budget budget) {
        this(layer, budget, null);
    }

    /** Whether the number of tokens that stay depends on the scores. */
    public boolean isAdaptive() {
        return budget instanceof Budget.Mass;
    }

    @Override
    public String toString() {
        return layer + ":" + budget + (decode == null ? "" : "/" + decode);
    }
}
