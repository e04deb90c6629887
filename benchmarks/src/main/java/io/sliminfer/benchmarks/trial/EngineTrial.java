package io.sliminfer.benchmarks.trial;

import io.sliminfer.engine.Engine;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.GenerationRequest;
import io.sliminfer.engine.Sampling;
import io.sliminfer.engine.TokenListener;
import io.sliminfer.model.FlopCount;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.IntConsumer;

/** Runs one prompt at a time through an engine. */
public final class EngineTrial {

    private final Engine engine;
    private final int tokens;
    private final long seed;

    /**
     * @param tokens tokens to generate after each prompt; no id ends an answer before
     */
    public EngineTrial(Engine engine, int tokens, long seed) {
        this.engine = engine;
        this.tokens = tokens;
        this.seed = seed;
    }

    /**
     * What an engine made of a prompt.
     *
     * @param tokenNanos when each token came, on the clock of {@link System#nanoTime}
     */
    public record Answer(List<Integer> ids, List<Long> tokenNanos, GenerationReport report) {}

    /**
     * Prefills a prompt and generates greedily.
     *
     * @throws RuntimeException the engine's own, if it refuses or fails
     */
    public Answer answer(int promptTokens, PruneSchedule schedule) {
        return answer(promptTokens, schedule, tokens, count -> {});
    }

    /**
     * The same with another number of tokens.
     *
     * @param onToken told on the engine's thread how many tokens there are
     */
    public Answer answer(int promptTokens, PruneSchedule schedule, int maxTokens, IntConsumer onToken) {
        List<Integer> ids = new ArrayList<>();
        List<Long> nanos = new ArrayList<>();
        GenerationReport report = generate(
                new GenerationRequest(prompt(promptTokens), Sampling.GREEDY, maxTokens, Set.of(), schedule), id -> {
                    nanos.add(System.nanoTime());
                    ids.add(id);
                    onToken.accept(ids.size());
                });
        return new Answer(ids, nanos, report);
    }

    /** FLOPs of the prefill as it ran: with a mass budget only the report knows what stayed. */
    public double prefillFlops(GenerationReport report) {
        PrunePlan dense = PrunePlan.of(
                PruneSchedule.dense(), report.promptTokens(), engine.model().layers());
        return FlopCount.prefill(engine.model(), dense) * (1 - report.flopsSavedShare());
    }

    /** The same ids for every mode and round. */
    private int[] prompt(int promptTokens) {
        return new Random(seed)
                .ints(promptTokens, 0, engine.model().vocabulary())
                .toArray();
    }

    private GenerationReport generate(GenerationRequest request, IntConsumer onToken) {
        CompletableFuture<GenerationReport> done = new CompletableFuture<>();
        engine.submit(request, new TokenListener() {
            @Override
            public void onToken(int id) {
                onToken.accept(id);
            }

            @Override
            public void onFinished(FinishReason reason, GenerationReport report) {
                done.complete(report);
            }

            @Override
            public void onFailed(RuntimeException failure) {
                done.completeExceptionally(failure);
            }
        });
        try {
            return done.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException failure ? failure : e;
        }
    }
}
