package io.sliminfer.golden;

/**
 * What one decision of the reference kept.
 *
 * @param layer  the pruning layer
 * @param blocks ids of the blocks that stay live, rising
 */
public record Kept(int layer, int[] blocks) {}
