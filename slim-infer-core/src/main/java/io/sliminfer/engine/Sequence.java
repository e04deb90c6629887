package io.sliminfer.engine;

import io.sliminfer.format.ModelConfig;
import io.sliminfer.model.DecodeRows;
import io.sliminfer.model.PromptRows;
import io.sliminfer.prune.PrunePlan;
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

    List<List<Integer>> keptBlocks = List.of();
    private final Runnable onCancel;
    private final int[] stageOfLayer;

    final long submittedNanos = System.nanoTime();
    long startedNanos;
    long firstTokenNanos;
    long lastTokenNanos;

    Sequence(
            GenerationRequest request,
            PrunePlan plan,
            ModelConfig model,
            int slotBlock,
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

    @Override
    public int[] slots(int layer) {
        return slots[layer];
    }

    /** Prompt tokens live in the layer, and all generated tokens up to the one that passes now. */
    @Override
    public int tokens(int layer) {
        return plan.stages().get(stageOfLayer[layer]).liveTokens() + generated;
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
