package io.sliminfer.prune;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The shapes of one prompt's prefill, known before it runs: the only block that can be short is the last one and it is
 * protected, so all candidates are full and the number kept follows from lengths and budgets, never from scores. Only
 * <em>which</em> blocks stay is data.
 *
 * @param promptTokens n
 * @param stages       stage 0 first; stage i ends with the layer that decides for stage i + 1
 */
public record PrunePlan(PruneSchedule schedule, int promptTokens, List<Stage> stages) {

    /**
     * Layers between two decisions.
     *
     * @param firstLayer first layer of the stage
     * @param lastLayer  last layer of the stage; a pruning layer unless it is the model's last
     * @param liveTokens tokens in the attention of these layers, which is what their KV cache holds of the prompt
     * @param liveBlocks blocks of those tokens
     * @param decision   what the last layer decides, or null after the last decision
     */
    public record Stage(int firstLayer, int lastLayer, int liveTokens, int liveBlocks, @Nullable PruneShape decision) {}

    /**
     * @param modelLayers layers of the model
     * @throws IllegalArgumentException if the schedule names a layer that the model lacks, or the prompt is empty
     */
    public static PrunePlan of(PruneSchedule schedule, int promptTokens, int modelLayers) {
        if (promptTokens < 1) {
            throw new IllegalArgumentException("a prompt of " + promptTokens + " tokens cannot be prefilled");
        }
        schedule.requireLayers(modelLayers);
        int block = schedule.block();
        int window = Math.min(schedule.window(), promptTokens);
        int blocks = (promptTokens - 1) / block + 1;
        int firstWindowBlock = (promptTokens - window) / block;
        int head = Math.min(
                (int) (((long) Math.min(schedule.sink(), promptTokens) + block - 1) / block), firstWindowBlock);
        int tail = blocks - firstWindowBlock;
        // The tail's tokens are real ones: its last block may be short.
        int protectedTokens = head * block + promptTokens - firstWindowBlock * block;

        List<Stage> stages = new ArrayList<>();
        int firstLayer = 0;
        int liveBlocks = blocks;
        int liveTokens = promptTokens;
        for (PruneStep step : schedule.steps()) {
            int budget = step.budget().tokens(promptTokens);
            int candidates = liveBlocks - head - tail;
            int keptCandidates = Math.min(candidates, Math.max(0, Math.floorDiv(budget - protectedTokens, block)));
            int keptBlocks = head + tail + keptCandidates;
            int keptTokens = protectedTokens + keptCandidates * block;
            PruneShape decision = new PruneShape(
                    block, schedule.unit(), window, liveTokens, liveBlocks, head, tail, keptBlocks, keptTokens);
            stages.add(new Stage(firstLayer, step.layer(), liveTokens, liveBlocks, decision));
            firstLayer = step.layer() + 1;
            liveBlocks = keptBlocks;
            liveTokens = keptTokens;
        }
        if (firstLayer < modelLayers) {
            stages.add(new Stage(firstLayer, modelLayers - 1, liveTokens, liveBlocks, null));
        }
        return new PrunePlan(schedule, promptTokens, List.copyOf(stages));
    }

    /**
     * The stage that a layer belongs to.
     *
     * @throws IllegalArgumentException if the model has no such layer
     */
    public Stage stageOf(int layer) {
        if (layer < 0) {
            throw new IllegalArgumentException("there is no layer " + layer);
        }
        for (Stage stage : stages) {
            if (layer <= stage.lastLayer()) {
                return stage;
            }
        }
        throw new IllegalArgumentException("layer " + layer + " is after the last stage");
    }

    /** Whether any layer, or the MLP of the last one, runs on fewer tokens than the prompt has. */
    public boolean prunes() {
        return stages.stream()
                .anyMatch(stage -> stage.decision() != null && !stage.decision().keepsAll());
    }
}
