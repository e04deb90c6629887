package io.sliminfer.engine;

import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.util.List;

/**
 * The schedule of a model that brings none, by depth fractions: a little before a third of the layers a quarter of the prompt
 * stays, after two thirds an eighth. It saves about half of dense prefill; docs/benchmarks and docs/algorithm.md say what it costs in quality.
 */
public final class DefaultSchedule {

    /**
     * Layer 4 of 12, 5 of 16, 8 of 28, 9 of 32. The layers before the first step cost most of a pruned prefill: at 64K tokens and 32
     * layers, a step at layer 9 instead of 10 is what makes it more than 2.5 times as fast as dense (docs/benchmarks/cuda.md).
     */
    private static final double FIRST_DEPTH = 0.295;

    private static final double FIRST_SHARE = 0.25;
    private static final double SECOND_SHARE = 0.125;

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
        return sizes.withSteps(List.of(
                new PruneStep((int) Math.round(modelLayers * FIRST_DEPTH), new Budget.Share(FIRST_SHARE)),
                new PruneStep(modelLayers * 2 / 3, new Budget.Share(SECOND_SHARE))));
    }
}
