package io.sliminfer.engine;

import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.util.List;

/**
 * The schedule of a model that brings none, by depth: a little before a third of the layers three sixteenths of the prompt stay, and
 * nothing leaves after that. It saves about half of dense prefill.
 *
 * <p>On SlimInfer Tiny at 8,192 tokens one step to 3/16 costs as much as a quarter and then an eighth, and loses 0.4 points where
 * two steps lose 3.6: what the second step drops, later layers still read (docs/quality.md).
 */
public final class DefaultSchedule {

    /**
     * Layer 4 of 12, 5 of 16, 8 of 28, 9 of 32. The layers up to the step cost most of a pruned prefill: at 64K tokens and 32 layers
     * four fifths of it (docs/benchmarks/cuda.md).
     */
    private static final double DEPTH = 0.295;

    private static final double SHARE = 0.1875;

    private DefaultSchedule() {}

    /** The default for a model of this depth with default sizes. */
    public static PruneSchedule of(int modelLayers) {
        return of(modelLayers, PruneSchedule.dense());
    }

    /** The same with the sizes and the scoring of another schedule. Models of fewer than four layers are not pruned. */
    static PruneSchedule of(int modelLayers, PruneSchedule sizes) {
        if (modelLayers < 4) {
            return sizes.withoutSteps();
        }
        return sizes.withSteps(List.of(new PruneStep((int) Math.round(modelLayers * DEPTH), new Budget.Share(SHARE))));
    }
}
