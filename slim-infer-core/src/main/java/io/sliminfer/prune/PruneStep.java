package io.sliminfer.prune;

/**
 * One entry of a schedule: at {@code layer}, after its attention, at most {@code budget} tokens stay live.
 *
 * @param layer index of the pruning layer, counted from 0
 */
public record PruneStep(int layer, Budget budget) {

    public PruneStep {
        if (layer < 0) {
            throw new IllegalArgumentException("pruning layer " + layer + " is not allowed: layers count from 0");
        }
    }

    @Override
    public String toString() {
        return layer + ":" + budget;
    }
}
