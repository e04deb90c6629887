package io.sliminfer.engine;

import io.sliminfer.format.ModelConfig;
import io.sliminfer.model.DecodeRows;
import io.sliminfer.model.PromptRows;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneShape;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One request on its way: its plan, its slots, what it has generated. Engine thread only, but for {@link #cancel}.
 */
final class Sequence implements Generation, DecodeRows.Cache {

    enum State {
        WAITING,
        PREFILLING,
        DECODING,
        ENDED
    }

    final GenerationRequest request;
    final PrunePlan plan;
    final TokenListener listener;
    final Sampler sampler;
    /** Slots that it needs in all: the prompt's live tokens of each layer and the tokens it may generate. */
    final int slotsNeeded;

    State state = State.WAITING;
    volatile boolean cancelled;
    /** Slot table of each layer while it runs. */
    int[][] slots = {};

    @Nullable
    PromptRows prompt;

    /** The next layer of the prefill. */
    int nextLayer;

    int generated;
    /** The token that the next decode step reads. */
    int nextToken;

    /** Blocks live in each stage, as block indexes; empty before the prefill is done. */
    List<List<Integer>> keptBlocks = List.of();

    private final Runnable onCancel;
    private final int[] stageOfLayer;
    private final int slotsPerBlock;
    /** Active blocks of each stage that has a decode budget. */
    private final @Nullable ActiveBlocks[] active;
    /** Slots that decode attends to in each layer: its own table, or what the active blocks leave of it. */
    private int[][] attended = {};
    /** For each stage with a decode budget, the slots of its live blocks in the layer that chooses among them. */
    private final int[][] candidates;

    final long submittedNanos = System.nanoTime();
    long startedNanos;
    long firstTokenNanos;
    long lastTokenNanos;

    Sequence(
            GenerationRequest request,
            PrunePlan plan,
            ModelConfig model,
            int slotBlock,
            SwapPolicy swapPolicy,
            TokenListener listener,
            Runnable onCancel) {
        this.request = request;
        this.plan = plan;
        this.listener = listener;
        this.onCancel = onCancel;
        this.sampler = new Sampler(request.sampling(), request.prompt(), model.vocabulary());
        this.stageOfLayer = new int[model.layers()];
        for (int layer = 0; layer < model.layers(); layer++) {
            stageOfLayer[layer] = plan.stages().indexOf(plan.stageOf(layer));
        }
        this.slotsNeeded = slotsNeeded(plan, request.maxTokens(), model.layers(), slotBlock);
        this.slotsPerBlock = plan.schedule().block() / slotBlock;
        this.active = new ActiveBlocks[plan.stages().size()];
        this.candidates = new int[active.length][];
        for (int stage = 0; stage < active.length; stage++) {
            PruneShape shape = plan.stages().get(stage).decode();
            active[stage] = shape == null ? null : new ActiveBlocks(shape, swapPolicy);
        }
    }

    /** Slots of a prompt and the tokens that may follow it; the last generated token is never stored. */
    static int slotsNeeded(PrunePlan plan, int maxTokens, int layers, int slotBlock) {
        long slots = 0;
        for (int layer = 0; layer < layers; layer++) {
            slots += slotsNeeded(plan.stageOf(layer), maxTokens, slotBlock);
        }
        return Math.toIntExact(Math.min(slots, Integer.MAX_VALUE));
    }

    private static long slotsNeeded(PrunePlan.Stage stage, int maxTokens, int slotBlock) {
        return ((long) stage.liveTokens() + maxTokens - 1 + slotBlock - 1) / slotBlock;
    }

    /** Cuts slots into tables, one for each layer. */
    void assign(int[] taken, int slotBlock) {
        int[][] tables = new int[stageOfLayer.length][];
        int from = 0;
        for (int layer = 0; layer < tables.length; layer++) {
            int count = (int) slotsNeeded(plan.stageOf(layer), request.maxTokens(), slotBlock);
            tables[layer] = java.util.Arrays.copyOfRange(taken, from, from + count);
            from += count;
        }
        slots = tables;
    }

    /** The prefill is done: it is known which blocks each stage kept, so decode can choose among them. */
    void prefilled(List<List<Integer>> kept) {
        keptBlocks = kept;
        attended = slots.clone();
        for (int stage = 1; stage < active.length; stage++) {
            if (active[stage] != null) {
                int[] ranks = ActiveBlocks.ranksIn(kept.get(stage - 1), kept.get(stage));
                int chooser = plan.stages().get(stage).firstLayer() - 1;
                candidates[stage] = ActiveBlocks.slotsOf(slots[chooser], ranks, slotsPerBlock);
            }
        }
    }

    @Override
    public int[] slots(int layer) {
        return attended[layer];
    }

    /** Prompt tokens active in the layer, and all generated tokens up to the one that passes now. */
    @Override
    public int tokens(int layer) {
        return plan.stages().get(stageOfLayer[layer]).activeTokens() + generated;
    }

    @Override
    public @Nullable PruneShape choice(int layer) {
        int stage = stageOfLayer[layer];
        boolean chooses = layer == plan.stages().get(stage).lastLayer() && stage + 1 < active.length;
        ActiveBlocks next = chooses ? active[stage + 1] : null;
        return next == null ? null : next.shape();
    }

    @Override
    public int[] candidates(int layer) {
        return candidates[stageOfLayer[layer] + 1];
    }

    @Override
    public void want(int layer, int[] ranks) {
        int next = stageOfLayer[layer] + 1;
        ActiveBlocks blocks = active[next];
        if (blocks == null) {
            throw new IllegalStateException("layer " + layer + " chooses blocks for a stage without a decode budget");
        }
        if (blocks.want(ranks)) {
            PrunePlan.Stage stage = plan.stages().get(next);
            for (int follower = stage.firstLayer(); follower <= stage.lastLayer(); follower++) {
                attended[follower] = ActiveBlocks.slotsOf(slots[follower], blocks.ranks(), slotsPerBlock);
            }
        }
    }

    /** Active blocks of a stage, or null if all its live blocks are. */
    @Nullable
    ActiveBlocks active(int stage) {
        return active[stage];
    }

    /** Position of the token that passes now. */
    int position() {
        return plan.promptTokens() + generated - 1;
    }

    @Override
    public void cancel() {
        cancelled = true;
        onCancel.run();
    }
}
