package io.sliminfer.engine;

import io.sliminfer.kv.KvCacheManager;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decides what runs in the next step: at most one slice of one prefill, and one decode step of all sequences that have their
 * first token. First come, first served. Works on counts, never on tensors. Engine thread only.
 */
final class Scheduler {

    /**
     * @param prefill sequence that goes on with its prefill, or null
     * @param layers  layers that the prefill passes in this step
     * @param decode  sequences that each get one more token
     */
    record StepPlan(@Nullable Sequence prefill, int layers, List<Sequence> decode) {
        boolean isEmpty() {
            return prefill == null && decode.isEmpty();
        }
    }

    private final KvCacheManager kv;
    private final int batchMax;
    private final int modelLayers;
    private final Deque<Sequence> waiting = new ArrayDeque<>();
    private final List<Sequence> decoding = new ArrayList<>();
    private @Nullable Sequence prefilling;

    Scheduler(KvCacheManager kv, int batchMax, int modelLayers) {
        this.kv = kv;
        this.batchMax = batchMax;
        this.modelLayers = modelLayers;
    }

    void add(Sequence sequence) {
        waiting.add(sequence);
    }

    /** The next step; sequences that it admits have their slots. */
    StepPlan next() {
        if (prefilling == null) {
            admit();
        }
        // A prefill lets running answers pass between any two layers, so that they never stall for a whole prompt.
        int layers = decoding.isEmpty() ? modelLayers : 1;
        return new StepPlan(prefilling, layers, List.copyOf(decoding));
    }

    private void admit() {
        Sequence first = waiting.peek();
        if (first == null || decoding.size() >= batchMax || !first.cache.tryAdmit(kv)) {
            return;
        }
        waiting.remove();
        first.state = Sequence.State.PREFILLING;
        first.shown = LiveRequest.State.PREFILLING;
        first.startedNanos = System.nanoTime();
        prefilling = first;
    }

    /** The prefill is done and its first token sampled. */
    void prefilled(Sequence sequence) {
        prefilling = null;
        sequence.state = Sequence.State.DECODING;
        sequence.shown = LiveRequest.State.DECODING;
        decoding.add(sequence);
    }

    /** Takes a sequence out, whatever its state, and gives its slots back. */
    void end(Sequence sequence) {
        switch (sequence.state) {
            case WAITING -> waiting.remove(sequence);
            case PREFILLING -> prefilling = null;
            case DECODING -> decoding.remove(sequence);
            case ENDED -> throw new IllegalStateException("a sequence ended twice");
        }
        sequence.state = Sequence.State.ENDED;
        sequence.cache.release();
        sequence.prompt = null;
        if (sequence.stageClock != null) {
            sequence.stageClock.release();
            sequence.stageClock = null;
        }
    }

    /** All sequences that have not ended: running ones first, then waiting ones in order. */
    List<Sequence> all() {
        List<Sequence> all = new ArrayList<>(decoding);
        if (prefilling != null) {
            all.add(prefilling);
        }
        all.addAll(waiting);
        return all;
    }

    int waiting() {
        return waiting.size();
    }

    int running() {
        return decoding.size() + (prefilling == null ? 0 : 1);
    }
}
