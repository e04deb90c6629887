package io.sliminfer.engine;

import io.sliminfer.kv.KvCacheManager;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decides what runs in the next step: a slice of one prefill, and one decode step of all sequences that have their first token.
 * First come, first served, with two exceptions: a short prompt may pass the prefill of a much longer one, slice by slice in turns, and
 * while the oldest request waits for memory a later one that fits may go first. Nobody is overtaken more than {@value #OVERTAKEN_MAX}
 * times, so nobody starves (docs/serving.md). Works on counts, never on tensors. Engine thread only.
 */
final class Scheduler {

    /** So many later requests may be admitted before one. */
    static final int OVERTAKEN_MAX = 8;

    /** A prompt passes another one's prefill if it has at most a fourth of its tokens. */
    private static final int LONGER_TIMES = 4;

    /** Requests that are looked at until one fits; each costs a look-up in the prefix cache. */
    private static final int LOOKS_MAX = 4;

    /**
     * @param prefill sequence that goes on with its prefill, or null
     * @param decode  sequences that each get one more token
     */
    record StepPlan(@Nullable Sequence prefill, List<Sequence> decode) {
        boolean isEmpty() {
            return prefill == null && decode.isEmpty();
        }
    }

    private final KvCacheManager kv;
    private final int batchMax;
    private final int passingTokens;
    private final Deque<Sequence> waiting = new ArrayDeque<>();
    private final List<Sequence> decoding = new ArrayList<>();
    private @Nullable Sequence prefilling;
    /** A short prompt that passes {@link #prefilling}. */
    private @Nullable Sequence passing;

    private boolean passingsTurn;
    /** Whether a request might be admitted that could not be when it was last tried. */
    private boolean changed;

    /** @param passingTokens longest prompt that may pass another */
    Scheduler(KvCacheManager kv, int batchMax, int passingTokens) {
        this.kv = kv;
        this.batchMax = batchMax;
        this.passingTokens = passingTokens;
    }

    void add(Sequence sequence) {
        waiting.add(sequence);
        changed = true;
    }

    /** The next step; sequences that it admits have their slots. */
    StepPlan next() {
        if (!waiting.isEmpty() && running() < batchMax && (changed || running() == 0)) {
            changed = false;
            admit();
        }
        return new StepPlan(nextPrefill(), List.copyOf(decoding));
    }

    private void admit() {
        if (prefilling == null) {
            prefilling = takeFirst(Integer.MAX_VALUE);
        } else if (passing == null) {
            passing = takeFirst(Math.min(passingTokens, prefilling.info.promptTokens() / LONGER_TIMES));
            if (passing != null) {
                passing.passing = true;
                passingsTurn = true;
            }
        }
    }

    /** The first waiting request with a prompt that is short enough and with memory for it. */
    private @Nullable Sequence takeFirst(int promptTokensMax) {
        int looks = 0;
        int ahead = 0;
        for (Iterator<Sequence> others = waiting.iterator(); others.hasNext() && looks < LOOKS_MAX; ahead++) {
            Sequence next = others.next();
            if (ahead > 0 && waiting.peek().overtaken >= OVERTAKEN_MAX) {
                return null;
            }
            if (next.info.promptTokens() > promptTokensMax) {
                continue;
            }
            looks++;
            if (next.cache.tryAdmit(kv)) {
                others.remove();
                waiting.stream().limit(ahead).forEach(overtaken -> overtaken.overtaken++);
                next.state = Sequence.State.PREFILLING;
                next.shown = LiveRequest.State.PREFILLING;
                next.startedNanos = System.nanoTime();
                changed = true;
                return next;
            }
        }
        return null;
    }

    /** Two prefills take turns: the longer one loses half of its speed at most. */
    private @Nullable Sequence nextPrefill() {
        if (passing == null || (prefilling != null && !passingsTurn)) {
            passingsTurn = true;
            return prefilling;
        }
        passingsTurn = false;
        return passing;
    }

    /** The prefill is done and its first token sampled. */
    void prefilled(Sequence sequence) {
        leavePrefill(sequence);
        sequence.state = Sequence.State.DECODING;
        sequence.shown = LiveRequest.State.DECODING;
        decoding.add(sequence);
    }

    private void leavePrefill(Sequence sequence) {
        if (sequence == passing) {
            passing = null;
        } else if (sequence == prefilling) {
            prefilling = null;
        } else {
            throw new IllegalStateException("a sequence ends a prefill that it was not in");
        }
        changed = true;
    }

    /** Takes a sequence out, whatever its state, and gives its slots back. */
    void end(Sequence sequence) {
        switch (sequence.state) {
            case WAITING -> waiting.remove(sequence);
            case PREFILLING -> leavePrefill(sequence);
            case DECODING -> decoding.remove(sequence);
            case ENDED -> throw new IllegalStateException("a sequence ended twice");
        }
        changed = true;
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
        if (passing != null) {
            all.add(passing);
        }
        all.addAll(waiting);
        return all;
    }

    int waiting() {
        return waiting.size();
    }

    int running() {
        return decoding.size() + (prefilling == null ? 0 : 1) + (passing == null ? 0 : 1);
    }
}
