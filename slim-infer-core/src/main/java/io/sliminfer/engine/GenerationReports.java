package io.sliminfer.engine;

import io.sliminfer.format.ModelConfig;
import io.sliminfer.model.FlopCount;
import io.sliminfer.prune.PrunePlan;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Writes down what a request cost, when it ends. Engine thread only. */
final class GenerationReports {

    private final ModelConfig model;
    private final long slotBytes;

    /** @param slotBytes bytes of a slot of the KV cache */
    GenerationReports(ModelConfig model, long slotBytes) {
        this.model = model;
        this.slotBytes = slotBytes;
    }

    /** Of a request that still has its slots. */
    GenerationReport of(Sequence sequence) {
        PrunePlan plan = sequence.plan();
        List<GenerationReport.Stage> stages = new ArrayList<>();
        long pairs = 0;
        for (int i = 0; i < plan.stages().size(); i++) {
            PrunePlan.Stage stage = plan.stages().get(i);
            List<Integer> kept = i < sequence.keptBlocks.size() ? sequence.keptBlocks.get(i) : List.of();
            ActiveBlocks active = sequence.cache.active(i);
            stages.add(new GenerationReport.Stage(
                    stage.firstLayer(),
                    stage.lastLayer(),
                    stage.liveTokens(),
                    kept,
                    new GenerationReport.Decode(stage.activeTokens(), active == null ? 0 : active.swaps())));
            pairs += (long) stage.liveTokens() * (stage.lastLayer() - stage.firstLayer() + 1);
        }
        double dense = FlopCount.dense(model, plan);
        double saved = plan.prunes() ? dense - FlopCount.prefill(model, plan) : 0;
        int decodeSteps = sequence.generated - 1;
        boolean answered = sequence.generated > 0;
        long now = System.nanoTime();
        long started = sequence.startedNanos == 0 ? now : sequence.startedNanos;
        long first = answered ? sequence.firstTokenNanos : now;
        return new GenerationReport(
                sequence.id(),
                plan.promptTokens(),
                sequence.cache.cachedTokens(),
                sequence.generated,
                List.copyOf(stages),
                1 - (double) pairs / ((double) plan.promptTokens() * model.layers()),
                saved / dense,
                saved,
                sequence.cache.isAdmitted() ? sequence.cache.slotsNeeded() * slotBytes : 0,
                sequence.cache.transfers(),
                decodeSteps > 0 ? (double) sequence.decodedTogether / decodeSteps : 0,
                sequence.submittedAt,
                Duration.ofNanos(started - sequence.submittedNanos),
                Duration.ofNanos(first - started),
                sequence.prefillStages,
                Duration.ofNanos(answered ? sequence.lastTokenNanos - first : 0));
    }
}
