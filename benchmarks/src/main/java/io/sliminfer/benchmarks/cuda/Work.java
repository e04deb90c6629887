package io.sliminfer.benchmarks.cuda;

import io.sliminfer.backend.KvType;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.prune.PrunePlan;

/** The least that decode must read: the floor of its time is these bytes by the measured bandwidth. */
final class Work {

    private Work() {}

    /**
     * Bytes read for one token: every matrix once, and keys and values of the tokens that are active.
     *
     * @param generated tokens generated before it
     */
    static double decodeBytes(ModelConfig model, PrunePlan plan, DType compute, double generated) {
        double layer = (double) model.hidden() * (model.queryColumns() + 2.0 * model.kvColumns())
                + (double) model.queryColumns() * model.hidden()
                + 3.0 * model.hidden() * model.intermediate();
        double weights = model.layers() * layer + (double) model.hidden() * model.vocabulary();
        double tokenBytes = KvType.of(compute).slotBytes(1, model.kvHeads(), model.headDim());
        double tokens = 0;
        for (PrunePlan.Stage stage : plan.stages()) {
            tokens += (stage.activeTokens() + generated) * (stage.lastLayer() - stage.firstLayer() + 1);
        }
        return weights * compute.bytes() + tokens * tokenBytes;
    }
}
