package io.sliminfer.engine;

import io.sliminfer.format.ModelConfig;
import io.sliminfer.model.PromptPass;
import io.sliminfer.prune.PrunePlan;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One request on its way: its cache with the plan, what it has generated. Engine thread only, but for {@link #cancel}, {@link #id} and
 * {@link #live}.
 */
final class Sequence implements Generation {

    enum State {
        WAITING,
        PREFILLING,
        DECODING,
        ENDED
    }

    final RequestInfo info;
    final GenerationRequest request;
    final TokenListener listener;
    final Sampler sampler;
    final boolean listenerWantsLogits;
    final SequenceCache cache;

    State state = State.WAITING;

    /** What snapshots show. Only the engine's thread writes. */
    volatile LiveRequest.State shown = LiveRequest.State.WAITING;

    /** The caller wants no more. */
    volatile boolean cancelled;

    /** The caller has all it wants. */
    volatile boolean whole;

    /** The engine ends: so do its requests. */
    volatile boolean stopped;

    /** Its prefill passes another one that has begun before, in a space of its own. */
    boolean passing;

    /** Its prefill, once it has begun. */
    @Nullable
    PromptPass prompt;

    int layersPassed;
    /** How many that came later were admitted before it. */
    int overtaken;

    /** When to log how far the prefill is. */
    ProgressLog progress = new ProgressLog();

    /** Also read by those who take a snapshot; only the engine's thread writes. */
    volatile int generated;
    /** The token that the next decode step reads. */
    int nextToken;

    /** Blocks live in each stage, as block indexes; empty before the prefill is done. */
    List<List<Integer>> keptBlocks = List.of();

    /** Times the prefill's stages while it runs. */
    @Nullable
    StageClock stageClock;

    /** Times of the prefill's stages; empty before it is done. */
    List<Duration> prefillStages = List.of();

    /** Sum of the batch sizes of its decode steps. */
    long decodedTogether;

    private final Runnable onCancel;
    final Instant submittedAt = Instant.now();
    final long submittedNanos = System.nanoTime();
    long startedNanos;
    /** When {@link System#nanoTime} has passed its time-out, if there is one. */
    private final long deadlineNanos;

    private final boolean hasDeadline;
    long firstTokenNanos;
    long lastTokenNanos;

    Sequence(
            long id,
            GenerationRequest request,
            PrunePlan plan,
            ModelConfig model,
            int slotBlock,
            SwapPolicy swapPolicy,
            TokenListener listener,
            Runnable onCancel) {
        this.info = new RequestInfo(id, request.prompt().length, request.maxTokens(), plan.prunes());
        this.request = request;
        this.listener = listener;
        this.onCancel = onCancel;
        this.hasDeadline = request.timeout() != null;
        this.deadlineNanos = submittedNanos + nanos(request.timeout());
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

    private static long nanos(@Nullable Duration time) {
        try {
            return time == null ? 0 : time.toNanos();
        } catch (ArithmeticException e) { // centuries
            return Long.MAX_VALUE / 2;
        }
    }

    /** Whether its time is over. */
    boolean isOverdue(long nanoTime) {
        return hasDeadline && nanoTime - deadlineNanos >= 0;
    }

    /** Whether it must not go on, for whatever reason. Asked between any two pieces of its work. */
    boolean mustEnd() {
        return cancelled || whole || stopped || (hasDeadline && isOverdue(System.nanoTime()));
    }

    /** Submit to start of prefill; it has started. */
    Duration queued() {
        return Duration.ofNanos(startedNanos - submittedNanos);
    }

    /** What a snapshot shows of it; any thread may ask. */
    LiveRequest live() {
        return new LiveRequest(
                info.id(), shown, info.promptTokens(), generated, Duration.ofNanos(System.nanoTime() - submittedNanos));
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
    public long id() {
        return info.id();
    }

    @Override
    public void cancel() {
        cancelled = true;
        onCancel.run();
    }

    @Override
    public void stop() {
        whole = true;
        onCancel.run();
    }
}
