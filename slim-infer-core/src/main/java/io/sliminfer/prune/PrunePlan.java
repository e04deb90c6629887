package io.sliminfer.prune;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The shapes of one prompt's prefill and of the decode that follows, known before they run: the only block that can be short
 * is the last one and it is protected, so all candidates are full and the number kept follows from lengths and budgets, never
 * from scores. Only <em>which</em> blocks stay is data.
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
     * @param decode     which of the live blocks a generated token attends to, as the layer before the first decides with the new
     *                   query alone; null if all are active
     */
    public record Stage(
            int firstLayer,
            int lastLayer,
            int liveTokens,
            int liveBlocks,
            @Nullable PruneShape decision,
            @Nullable PruneShape decode) {

        /** Prompt tokens that a generated token attends to. */
        public int activeTokens() {
            return decode == null ? liveTokens : decode.keptTokens();
        }
    }

    /**
     * @param modelLayers layers of the model
     * @throws IllegalArgumentException if the schedule names a layer that the model lacks, or the prompt is empty
     */
    public static PrunePlan of(PruneSchedule schedule, int promptTokens, int modelLayers) {
        if (promptTokens < 1) {
            throw new IllegalArgumentException("a prompt of " + promptTokens + " tokens cannot be prefilled");
        }
        schedule.requireLayers(modelLayers);
        int window = Math.min(schedule.window(), promptTokens);
        PruneShape live = wholePrompt(schedule, window, promptTokens);

        List<Stage> stages = new ArrayList<>();
        int firstLayer = 0;
        PruneShape decode = null;
        for (PruneStep step : schedule.steps()) {
            PruneShape decision = within(live, window, step.budget().tokens(promptTokens));
            stages.add(new Stage(firstLayer, step.layer(), live.liveTokens(), live.liveBlocks(), decision, decode));
            firstLayer = step.layer() + 1;
            live = staying(decision);
            decode =
                    step.decode() == null ? null : within(live, 1, step.decode().tokens(promptTokens));
            if (decode != null && decode.keepsAll()) {
                decode = null;
            }
        }
        if (firstLayer < modelLayers) {
            stages.add(new Stage(firstLayer, modelLayers - 1, live.liveTokens(), live.liveBlocks(), null, decode));
        }
        return new PrunePlan(schedule, promptTokens, List.copyOf(stages));
    }

    /** The shape of a decision that keeps every block of the prompt. */
    private static PruneShape wholePrompt(PruneSchedule schedule, int window, int promptTokens) {
        int block = schedule.block();
        int blocks = (promptTokens - 1) / block + 1;
        int firstWindowBlock = (promptTokens - window) / block;
        int head = Math.min(
                (int) (((long) Math.min(schedule.sink(), promptTokens) + block - 1) / block), firstWindowBlock);
        int tail = blocks - firstWindowBlock;
        return new PruneShape(
                block,
                schedule.unit(),
                window,
                promptTokens,
                blocks,
                head,
                tail,
                blocks,
                promptTokens,
                schedule.aggregation());
    }

    /** What stays of the live blocks: the protected ones, and as many full candidates as the budget has room for. */
    private static PruneShape within(PruneShape live, int window, int budget) {
        int block = live.block();
        // The tail's tokens are real ones: its last block may be short.
        int protectedTokens = live.liveTokens() - live.candidates() * block;
        int kept = Math.min(live.candidates(), Math.max(0, Math.floorDiv(budget - protectedTokens, block)));
        return new PruneShape(
                block,
                live.unit(),
                window,
                live.liveTokens(),
                live.liveBlocks(),
                live.headBlocks(),
                live.tailBlocks(),
                live.headBlocks() + live.tailBlocks() + kept,
                protectedTokens + kept * block,
                live.aggregation());
    }

    /** What a decision leaves, as the shape of the next one's live blocks. */
    private static PruneShape staying(PruneShape decision) {
        return new PruneShape(
                decision.block(),
                decision.unit(),
                decision.window(),
                decision.keptTokens(),
                decision.keptBlocks(),
                decision.headBlocks(),
                decision.tailBlocks(),
                decision.keptBlocks(),
                decision.keptTokens(),
                decision.aggregation());
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

    /**
     * Layers whose attention sees the whole prompt: those up to the first that drops blocks, or all. Their keys and values depend on
     * no later token.
     */
    public int wholeLayers() {
        for (Stage stage : stages) {
            if (stage.decision() != null && !stage.decision().keepsAll()) {
                return stage.lastLayer() + 1;
            }
        }
        return stages.get(stages.size() - 1).lastLayer() + 1;
    }

    /** Whether any layer, or the MLP of the last one, runs on fewer tokens than the prompt has. */
    public boolean prunes() {
        return stages.stream()
                .anyMatch(stage -> stage.decision() != null && !stage.decision().keepsAll());
    }
}
