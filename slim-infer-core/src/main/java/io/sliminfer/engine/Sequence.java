package io.sliminfer.engine;

import io.sliminfer.format.ModelConfig;
import io.sliminfer.model.PromptRows;
import io.sliminfer.prune.PrunePlan;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One request on its way: its cache with the plan, what it has generated. Engine thread only, but for {@link #cancel}.
 */
final class Sequence implements Generation {

    enum State {
        WAITING,
        PREFILLING,
        DECODING,
        ENDED
    }

    final GenerationRequest request;
    final TokenListener listener;
    final Sampler sampler;
    final boolean listenerWantsLogits;
    final SequenceCache cache;

    State state = State.WAITING;
    volatile boolean cancelled;

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
        this.listener = listener;
        this.onCancel = onCancel;
        this.sampler = new Sampler(
                request.sampling(), request.prompt(), model.vocabulary(), request.constraint(), request.stopIds());
        this.listenerWantsLogits = listener.wantsLogits();
        this.cache = new SequenceCache(plan, request, model.layers(), slotBlock, swapPolicy, () -> generated);
    }

    /** The plan that holds, see {@link SequenceCache#plan}. */
    PrunePlan plan() {
        return cache.plan();
    }

    /** The prefill is done: it is known which blocks each stage kept. */
    void prefilled(List<List<Integer>> kept) {
        keptBlocks = kept;
        cache.prefilled(kept);
    }

    /** Whether a step has to bring this sequence's logits to the host; else the device picks the token. */
    boolean needsLogits() {
        return listenerWantsLogits || sampler.needsLogits();
    }

    /** Position of the token that passes now. */
    int position() {
        return request.prompt().length + generated - 1;
    }

    @Override
    public void cancel() {
        cancelled = true;
        onCancel.run();
    }
}
