package io.sliminfer.benchmarks.calibrate;

import io.sliminfer.engine.Engine;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.GenerationRequest;
import io.sliminfer.engine.Sampling;
import io.sliminfer.engine.TokenListener;
import io.sliminfer.prune.PruneSchedule;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Logits of the first tokens of a greedy answer.
 *
 * @param steps one array of the vocabulary's size for each token, the one that ends the answer included
 */
record AnswerLogits(List<float[]> steps) {

    /**
     * Asks the engine and waits.
     *
     * @param tokens most tokens of the answer; their logits are kept in memory
     */
    static AnswerLogits of(Engine engine, int[] prompt, PruneSchedule schedule, int tokens) {
        Recorder recorder = new Recorder();
        engine.submit(
                new GenerationRequest(
                        prompt, Sampling.GREEDY, tokens, engine.model().endOfSequence(), schedule),
                recorder);
        try {
            return recorder.answer.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException failure ? failure : e;
        }
    }

    /** Called by the engine's thread. */
    private static final class Recorder implements TokenListener {
        private final List<float[]> steps = new ArrayList<>();
        private final CompletableFuture<AnswerLogits> answer = new CompletableFuture<>();

        @Override
        public boolean wantsLogits() {
            return true;
        }

        @Override
        public void onLogits(float[] logits) {
            steps.add(logits.clone());
        }

        @Override
        public void onToken(int id) {}

        @Override
        public void onFinished(FinishReason reason, GenerationReport report) {
            answer.complete(new AnswerLogits(List.copyOf(steps)));
        }

        @Override
        public void onFailed(RuntimeException failure) {
            answer.completeExceptionally(failure);
        }
    }
}
