package io.sliminfer.prune;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The shapes of one prompt's prefill and of the decode that follows. The only block that can be short is the last one and it is
 * protected, so all candidates are full. With fixed budgets the number kept follows from lengths alone and all shapes are known before
 * the prompt runs; only <em>which</em> blocks stay is data. A decision with a mass budget is planned with its ceiling, so that nothing
 * can need more than the plan says; when its scores are known, {@link #decided} gives the plan that holds from there on.
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
     * @param decision   what the last layer decides, the most that it can keep if its mass is still to be counted; null after the last
     *                   decision
     * @param mass       how the decision's scores say how many candidates it keeps, or null where the number is known
     * @param decode     which of the live blocks a generated token attends to, as the layer before the first decides with the new
     *                   query alone; null if all are active
     */
    public record Stage(
            int firstLayer,
            int lastLayer,
            int liveTokens,
            int liveBlocks,
            @Nullable PruneShape decision,
            @Nullable MassCount mass,
            @Nullable PruneShape decode) {

        /** A stage whose decision keeps a known number of blocks. */
        public Stage(
                int firstLayer,
                int lastLayer,
                int liveTokens,
                int liveBlocks,
                @Nullable PruneShape decision,
                @Nullable PruneShape decode) {
            this(firstLayer, lastLayer, liveTokens, liveBlocks, decision, null, decode);
        }

        /** Prompt tokens that a generated token attends to. */
        public int activeTokens() {
            return decode == null ? liveTokens : decode.keptTokens();
        }

        /** Whether the last layer drops blocks, or may: if not, nothing needs to be scored. */
        public boolean mayDrop() {
            return decision != null && (mass != null || !decision.keepsAll());
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
        return of(schedule, promptTokens, modelLayers, new int[0]);
    }

    /** @param kept candidates that the first decisions keep, which are made */
    private static PrunePlan of(PruneSchedule schedule, int promptTokens, int modelLayers, int[] kept) {
        int window = Math.min(schedule.window(), promptTokens);
        PruneShape live = wholePrompt(schedule, window, promptTokens);

        List<Stage> stages = new ArrayList<>();
        int firstLayer = 0;
        PruneShape decode = null;
        for (PruneStep step : schedule.steps()) {
            boolean made = stages.size() < kept.length;
            PruneShape decision = made
                    ? keeping(live, window, kept[stages.size()])
                    : within(live, window, step.budget().tokens(promptTokens));
            MassCount mass = made ? null : mass(step.budget(), live, decision, promptTokens);
            stages.add(
                    new Stage(firstLayer, step.layer(), live.liveTokens(), live.liveBlocks(), decision, mass, decode));
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

    /** What is left to count, or null if the limits leave no choice. */
    private static @Nullable MassCount mass(Budget budget, PruneShape live, PruneShape ceiling, int promptTokens) {
        if (!(budget instanceof Budget.Mass mass) || mass.mass() == 1) {
            return null;
        }
        int min = candidatesWithin(live, mass.floor().tokens(promptTokens));
        int max = ceiling.keptCandidates();
        return min < max ? new MassCount(mass.mass(), min, max) : null;
    }

    /**
     * The plan from here on: a layer's decision keeps this many candidates, and later stages have at most what that leaves.
     *
     * @throws IllegalStateException if the layer has no mass to count, or the number is not within its limits
     */
    public PrunePlan decided(int layer, int keptCandidates) {
        Stage stage = stageOf(layer);
        MassCount mass = stage.mass();
        if (stage.lastLayer() != layer || mass == null) {
            throw new IllegalStateException(
                    "layer " + layer + " of " + schedule.stepsText() + " has no number of blocks to decide");
        }
        if (keptCandidates < mass.min() || keptCandidates > mass.max()) {
            throw new IllegalStateException("layer " + layer + " of " + schedule.stepsText() + " keeps "
                    + keptCandidates + " candidates, which is not within " + mass.min() + ".." + mass.max());
        }
        int[] kept = new int[stages.indexOf(stage) + 1];
        for (int i = 0; i < kept.length - 1; i++) {
            PruneShape earlier = stages.get(i).decision();
            if (earlier == null || stages.get(i).mass() != null) {
                throw new IllegalStateException("layer " + layer + " decides before layer "
                        + stages.get(i).lastLayer());
            }
            kept[i] = earlier.keptCandidates();
        }
        kept[kept.length - 1] = keptCandidates;
        return of(schedule, promptTokens, stages.get(stages.size() - 1).lastLayer() + 1, kept);
    }

    /** The shape of a decision that keeps every block of the prompt. */
    private static PruneShape wholePrompt(PruneSchedule schedule, int window, int promptTokens) {
        int block = schedule.block();
        int blocks = (promptTokens - 1) / block + 1;
        int head = schedule.sinkBlocks(promptTokens);
        int tail = blocks - schedule.firstWindowBlock(promptTokens);
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
        return keeping(live, window, candidatesWithin(live, budget));
    }

    private static int candidatesWithin(PruneShape live, int budget) {
        int room = Math.floorDiv(budget - protectedTokens(live), live.block());
        return Math.min(live.candidates(), Math.max(0, room));
    }

    private static int protectedTokens(PruneShape live) {
        // The tail's tokens are real ones: its last block may be short.
        return live.liveTokens() - live.candidates() * live.block();
    }

    /** A decision that keeps the protected blocks and this many candidates. */
    private static PruneShape keeping(PruneShape live, int window, int candidates) {
        return new PruneShape(
                live.block(),
                live.unit(),
                window,
                live.liveTokens(),
                live.liveBlocks(),
                live.headBlocks(),
                live.tailBlocks(),
                live.headBlocks() + live.tailBlocks() + candidates,
                protectedTokens(live) + candidates * live.block(),
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
     * Layers whose attention is sure to see the whole prompt: those up to the first that drops blocks or may, or all. Their keys and
     * values depend on no later token.
     */
    public int wholeLayers() {
        for (Stage stage : stages) {
            if (stage.mayDrop()) {
                return stage.lastLayer() + 1;
            }
        }
        return stages.get(stages.size() - 1).lastLayer() + 1;
    }

    /** Whether any layer, or the MLP of the last one, runs on fewer tokens than the prompt has, or may. */
    public boolean prunes() {
        return stages.stream().anyMatch(Stage::mayDrop);
    }
}
