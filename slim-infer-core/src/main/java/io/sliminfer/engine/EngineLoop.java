package io.sliminfer.engine;

import io.sliminfer.backend.DeviceException;
import io.sliminfer.backend.TransferException;
import io.sliminfer.engine.Scheduler.StepPlan;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One step after the other: asks the scheduler what runs, runs it, samples, applies stop rules, reports. A request that fails
 * ends alone. Engine thread only.
 */
final class EngineLoop {

    private static final Logger log = LoggerFactory.getLogger(EngineLoop.class);

    /** Keeps the list of requests. */
    interface Ends {

        /** The sequence has given everything back; nobody has been told yet. */
        void ended(Sequence sequence);

        /** Its listener knows. */
        void told(Sequence sequence);
    }

    private final Scheduler scheduler;
    private final ModelRunner runner;
    private final GenerationReports reports;
    private final long queueWaitNanos;
    private final EngineListener listener;
    private final Ends ends;

    /**
     * @param queueWait longest time in the queue, or zero for any
     * @param listener one that throws nothing
     * @param ends     told of each sequence that ends
     */
    EngineLoop(
            Scheduler scheduler,
            ModelRunner runner,
            GenerationReports reports,
            Duration queueWait,
            EngineListener listener,
            Ends ends) {
        this.scheduler = scheduler;
        this.runner = runner;
        this.reports = reports;
        this.queueWaitNanos = queueWait.toNanos();
        this.listener = listener;
        this.ends = ends;
    }

    /** Takes a request into the queue. */
    void add(Sequence sequence) {
        scheduler.add(sequence);
        listener.queued(sequence.info);
    }

    boolean hasWork() {
        return scheduler.running() + scheduler.waiting() > 0;
    }

    void step() {
        long now = System.nanoTime();
        for (Sequence sequence : scheduler.all()) {
            endIfDue(sequence, now);
        }
        StepPlan plan = scheduler.next();
        if (plan.isEmpty()) {
            return;
        }
        long begin = System.nanoTime();
        int layers = plan.prefill() == null ? 0 : prefill(plan.prefill());
        if (!plan.decode().isEmpty()) {
            decode(plan.decode());
        }
        listener.step(new StepStats(plan.decode().size(), layers, System.nanoTime() - begin));
    }

    /** Ends a request that must not go on. */
    private void endIfDue(Sequence sequence, long now) {
        if (sequence.cancelled) {
            finish(sequence, FinishReason.CANCELLED);
        } else if (sequence.whole) {
            finish(sequence, FinishReason.STOP);
        } else if (sequence.stopped) {
            fail(sequence, new EngineException(EngineException.Kind.CLOSED, "the engine was closed"));
        } else if (sequence.isOverdue(now)) {
            fail(sequence, timeout(sequence));
        } else if (sequence.state == Sequence.State.WAITING
                && queueWaitNanos > 0
                && now - sequence.submittedNanos >= queueWaitNanos) {
            fail(
                    sequence,
                    new EngineException(
                            EngineException.Kind.QUEUE_TIMEOUT,
                            "the request waited longer than slim-infer.queue-wait=" + seconds(queueWaitNanos)
                                    + " s allows, behind " + (scheduler.all().indexOf(sequence))
                                    + " others: try again later, or raise it"));
        }
    }

    private EngineException timeout(Sequence sequence) {
        Duration limit = Objects.requireNonNull(sequence.request.timeout());
        return new EngineException(
                EngineException.Kind.TIMEOUT,
                "the request did not end within its time-out of " + seconds(limit.toNanos()) + " s: "
                        + (sequence.state == Sequence.State.WAITING
                                ? "it was still waiting"
                                : sequence.generated + " of at most " + sequence.request.maxTokens()
                                        + " tokens were generated")
                        + ". Raise the option timeout or slim-infer.chat.timeout, or ask for less");
    }

    private static double seconds(long nanos) {
        return nanos / 1_000_000 / 1e3;
    }

    /** Fails all that wait for their turn. */
    void refuseWaiting(EngineException failure) {
        for (Sequence sequence : scheduler.all()) {
            if (sequence.state == Sequence.State.WAITING) {
                fail(sequence, failure);
            }
        }
    }

    /** Runs a slice of a prefill; gives how many layers it passed. */
    private int prefill(Sequence sequence) {
        if (sequence.prompt == null) {
            listener.started(sequence.info, sequence.queued(), sequence.cache.cachedTokens());
        }
        int before = sequence.layersPassed;
        prefillSlice(sequence);
        return sequence.layersPassed - before;
    }

    private void prefillSlice(Sequence sequence) {
        int token;
        try {
            if (!runner.prefill(sequence)) {
                return;
            }
            token = sample(sequence, runner.promptLogits(sequence));
        } catch (RuntimeException e) {
            requireDevice(e);
            fail(sequence, e);
            return;
        }
        scheduler.prefilled(sequence);
        accept(sequence, token);
    }

    private void decode(List<Sequence> sequences) {
        boolean greedy = true;
        for (int i = 0; i < sequences.size(); i++) {
            greedy &= !sequences.get(i).needsLogits();
        }
        try {
            runner.decode(sequences, greedy);
        } catch (TransferException e) {
            requireDevice(e);
            // Those whose blocks did not arrive end; for the others the step is repeated and stores the same again.
            List<Sequence> broken = sequences.stream()
                    .filter(sequence -> sequence.cache.failed())
                    .toList();
            (broken.isEmpty() ? sequences : broken).forEach(sequence -> fail(sequence, e));
            return;
        } catch (RuntimeException e) {
            requireDevice(e);
            sequences.forEach(sequence -> fail(sequence, e));
            return;
        }
        for (int i = 0; i < sequences.size(); i++) {
            Sequence sequence = sequences.get(i);
            sequence.decodedTogether += sequences.size();
            int token;
            try {
                token = greedy ? runner.likeliest(i) : -1;
                // Also where there is none: the sampler says why.
                if (token < 0 || !sequence.sampler.takes(token)) {
                    token = sample(sequence, runner.row(i));
                }
            } catch (RuntimeException e) {
                fail(sequence, e);
                continue;
            }
            accept(sequence, token);
        }
    }

    /** A request's failure ends that request; a lost device ends the engine, because every request to come would fail the same way. */
    private static void requireDevice(RuntimeException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof DeviceException device && device.deviceLost()) {
                throw e;
            }
        }
    }

    private static int sample(Sequence sequence, float[] logits) {
        if (sequence.listenerWantsLogits) {
            try {
                sequence.listener.onLogits(logits);
            } catch (Throwable e) { // the listener's code is not ours: only its request ends
                throw listenerFailure(e);
            }
        }
        return sequence.sampler.next(logits);
    }

    private static EngineException listenerFailure(Throwable e) {
        log.error("A token listener failed; its request ends", e);
        return new EngineException(EngineException.Kind.INTERNAL, "the request's token listener failed: " + e, e);
    }

    private void accept(Sequence sequence, int token) {
        long now = System.nanoTime();
        sequence.lastTokenNanos = now;
        sequence.nextToken = token;
        sequence.generated++;
        if (sequence.generated == 1) {
            sequence.firstTokenNanos = now;
            listener.firstToken(sequence.info, sequence.queued(), Duration.ofNanos(now - sequence.startedNanos));
        }
        if (sequence.request.stopIds().contains(token)) {
            finish(sequence, FinishReason.STOP);
            return;
        }
        try {
            sequence.listener.onToken(token);
        } catch (Throwable e) { // the listener's code is not ours: only its request ends
            fail(sequence, listenerFailure(e));
            return;
        }
        if (sequence.sampler.isFinished()) {
            finish(sequence, FinishReason.STOP);
        } else if (sequence.generated >= sequence.request.maxTokens()) {
            finish(sequence, FinishReason.LENGTH);
        }
    }

    private void finish(Sequence sequence, FinishReason reason) {
        GenerationReport report = reports.of(sequence);
        scheduler.end(sequence);
        ends.ended(sequence);
        listener.finished(sequence.info, reason, report);
        log.debug(
                "request {}: {} after {} tokens; prompt {} tokens ({} cached, {} % of the work pruned), queued {} ms, first token after {} ms,"
                        + " then {} ms a token",
                report.id(),
                reason,
                report.generatedTokens(),
                report.promptTokens(),
                report.cachedTokens(),
                Math.round(100 * report.prunedShare()),
                report.queued().toMillis(),
                report.timeToFirstToken().toMillis(),
                Math.round(report.perToken().toNanos() / 1e5) / 10.0);
        try {
            sequence.listener.onFinished(reason, report);
        } catch (Throwable e) { // the request has ended, so there is nobody else to tell
            log.error("A token listener failed when its request ended", e);
        }
        ends.told(sequence);
    }

    private void fail(Sequence sequence, RuntimeException e) {
        EngineException failure = e instanceof EngineException refusal
                ? refusal
                : new EngineException(EngineException.Kind.INTERNAL, "the request failed in the engine: " + e, e);
        try {
            GenerationReport report = reports.of(sequence);
            scheduler.end(sequence);
            ends.ended(sequence);
            listener.failed(sequence.info, failure, report);
            log.debug(
                    "request {}: failed ({}) after {} tokens; prompt {} tokens",
                    report.id(),
                    failure.kind(),
                    report.generatedTokens(),
                    report.promptTokens(),
                    failure);
        } finally { // also when the books are broken: the caller waits
            try {
                sequence.listener.onFailed(failure);
            } catch (Throwable thrown) {
                log.error("A token listener failed when its request failed", thrown);
            }
            ends.told(sequence);
        }
    }

    /** Ends all requests, whatever state they or the books are in. */
    void failAll(EngineException failure) {
        for (Sequence sequence : scheduler.all()) {
            try {
                fail(sequence, failure);
            } catch (RuntimeException e) {
                log.error("A request could not be taken out of the scheduler", e);
            }
        }
    }
}
