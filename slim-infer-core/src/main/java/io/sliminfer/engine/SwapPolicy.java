package io.sliminfer.engine;

/**
 * Overlap-aware swap (SlimInfer, arXiv 2508.06447, section 3; docs/algorithm.md, Decode): the blocks that decode attends to are
 * exchanged only when too few of those it wants are active. Any thread.
 *
 * @param threshold share of the wanted blocks that must be active for the set to stay, 0 (it always stays) to 1 (it always
 *                  follows)
 */
record SwapPolicy(double threshold) {

    SwapPolicy {
        if (!(threshold >= 0 && threshold <= 1)) {
            throw new IllegalArgumentException(
                    "slim-infer.kv-cache.swap-threshold=" + threshold + " is not allowed: use 0.0 to 1.0");
        }
    }

    /**
     * Whether to exchange the active blocks for the wanted ones.
     *
     * @param wanted ranks, ascending, at least one
     * @param active ranks, ascending
     */
    boolean swaps(int[] wanted, int[] active) {
        int shared = 0;
        for (int w = 0, a = 0; w < wanted.length && a < active.length; ) {
            if (wanted[w] == active[a]) {
                shared++;
                w++;
                a++;
            } else if (wanted[w] < active[a]) {
                w++;
            } else {
                a++;
            }
        }
        // A quotient, not a product: 9 of 10 must be equal to 0.9.
        return (double) shared / wanted.length < threshold;
    }
}
