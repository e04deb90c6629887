package io.sliminfer.benchmarks.cuda;

import io.sliminfer.backend.KvType;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import java.util.List;

/** The least that decode must read: the floor of its time is these bytes by the measured bandwidth. */
final class Work {

    private Work() {}

    /** Bytes of all matrices in a dtype, the embedding table of a model with a head of its own left out. */
    static double weightBytes(ModelConfig model, DType dtype) {
        double layer = (double) model.hidden() * (model.queryColumns() + 2.0 * model.kvColumns())
                + (double) model.queryColumns() * model.hidden()
                + 3.0 * model.hidden() * model.intermediate();
        return (model.layers() * layer + (double) model.hidden() * model.vocabulary()) * dtype.bytes();
    }

    /**
     * Bytes read for one token: every matrix once, and keys and values of the tokens that are active.
     *
     * @param weightBytes of all matrices
     * @param stages      what stayed of the prompt
     * @param generated   tokens generated before it
     */
    static double decodeBytes(
            ModelConfig model,
            double weightBytes,
            List<GenerationReport.Stage> stages,
            DType compute,
            double generated) {
        double tokenBytes = KvType.of(compute).slotBytes(1, model.kvHeads(), model.headDim());
        double tokens = 0;
        for (GenerationReport.Stage stage : stages) {
            tokens += (stage.decode().activeTokens() + generated) * (stage.lastLayer() - stage.firstLayer() + 1);
        }
        return weightBytes + tokens * tokenBytes;
    }
}
