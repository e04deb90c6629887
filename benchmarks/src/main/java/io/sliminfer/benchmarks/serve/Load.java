package io.sliminfer.benchmarks.serve;

import io.sliminfer.engine.Engine;
import io.sliminfer.engine.EngineException;
import io.sliminfer.engine.Generation;
import io.sliminfer.engine.GenerationRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/** A closed loop: each caller has a thread of its own and sends its next request when its last one has ended. */
final class Load {

    /** A caller that was refused for a full queue waits so long. */
    private static final Duration BACK_OFF = Duration.ofMillis(5);

    private final Engine engine;
    private final List<GenerationRequest> requests;

    /** @param requests which callers send in turns, each beginning with another */
    Load(Engine engine, List<GenerationRequest> requests) {
        this.engine = engine;
        this.requests = List.copyOf(requests);
    }

    /**
     * @param answers  of each caller, in order; what ran at the end was cancelled
     * @param refused  refusals for a full queue
     * @param failures all else that went wrong
     */
    record Result(List<List<Answer>> answers, int refused, List<Throwable> failures, long beginNanos, long endNanos) {

        double seconds() {
            return (endNanos - beginNanos) * 1e-9;
        }
    }

    Result run(int callers, Duration time) {
        long begin = System.nanoTime();
        long end = begin + time.toNanos();
        AtomicInteger refused = new AtomicInteger();
        List<Throwable> failures = new ArrayList<>();
        List<List<Answer>> answers = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int caller = 0; caller < callers; caller++) {
            int first = caller;
            List<Answer> own = new ArrayList<>();
            answers.add(own);
            Thread thread = new Thread(
                    () -> {
                        try {
                            for (int i = first; System.nanoTime() - end < 0; i++) {
                                ask(i % requests.size(), own, end, refused);
                            }
                        } catch (InterruptedException | RuntimeException e) {
                            synchronized (failures) {
                                failures.add(e);
                            }
                        }
                    },
                    "caller-" + caller);
            threads.add(thread);
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while callers ran", e);
            }
        }
        for (List<Answer> own : answers) {
            for (Answer answer : own) {
                Throwable failure = answer.failure();
                if (failure != null) {
                    failures.add(failure);
                }
            }
        }
        return new Result(answers, refused.get(), failures, begin, end);
    }

    private void ask(int prompt, List<Answer> own, long end, AtomicInteger refused) throws InterruptedException {
        GenerationRequest request = requests.get(prompt);
        Answer answer = new Answer(prompt, request.maxTokens());
        Generation generation;
        try {
            generation = engine.submit(request, answer);
        } catch (EngineException e) {
            if (e.kind() != EngineException.Kind.QUEUE_FULL) {
                throw e;
            }
            refused.incrementAndGet();
            LockSupport.parkNanos(BACK_OFF.toNanos());
            return;
        }
        own.add(answer);
        if (!answer.awaitEnd(end)) {
            generation.cancel();
            answer.awaitEnd(System.nanoTime() + Duration.ofMinutes(1).toNanos());
        }
    }

    /** Each request alone, to its end. */
    List<int[]> alone() {
        List<int[]> ids = new ArrayList<>();
        for (int prompt = 0; prompt < requests.size(); prompt++) {
            Answer answer = new Answer(prompt, requests.get(prompt).maxTokens());
            engine.submit(requests.get(prompt), answer);
            answer.report();
            ids.add(answer.ids());
        }
        return ids;
    }
}
