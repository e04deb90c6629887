package io.sliminfer.benchmarks.speed;

import io.sliminfer.benchmarks.report.ProcessMemory;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.GenerationRequest;
import io.sliminfer.engine.LocalEngine;
import io.sliminfer.engine.Sampling;
import io.sliminfer.engine.TokenListener;
import io.sliminfer.model.FlopCount;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.IntConsumer;

/** Runs one prompt at a time through an engine and tells what it cost. */
final class EngineTrial {

    private final LocalEngine engine;
    private final int tokens;
    private final long seed;

    /**
     * @param tokens tokens to generate after each prompt; no id ends an answer before
     */
    EngineTrial(LocalEngine engine, int tokens, long seed) {
        this.engine = engine;
        this.tokens = tokens;
        this.seed = seed;
    }

    /**
     * A line of results.
     *
     * @throws RuntimeException the engine's own, if it refuses or fails
     */
    Map<String, Object> run(int promptTokens, Mode mode, PruneSchedule schedule) {
        boolean peakIsOwn = ProcessMemory.resetPeak();
        GenerationReport report = answer(promptTokens, schedule).report();
        ProcessMemory memory = ProcessMemory.now();
        double seconds = report.timeToFirstToken().toNanos() * 1e-9;
        // Of what ran: with a mass budget only the report knows what that was.
        double dense = FlopCount.prefill(
                engine.model(),
                PrunePlan.of(
                        schedule.withoutSteps(), promptTokens, engine.model().layers()));
        double flops = dense * (1 - report.flopsSavedShare());
        Map<String, Object> sample = new LinkedHashMap<>();
        sample.put("type", "sample");
        sample.put("mode", mode.label());
        sample.put("promptTokens", promptTokens);
        sample.put("generatedTokens", report.generatedTokens());
        sample.put("ttftSeconds", Spread.rounded(seconds));
        sample.put("promptTokensPerSecond", Spread.rounded(promptTokens / seconds));
        if (report.generatedTokens() > 1) {
            double perToken = report.perToken().toNanos() * 1e-9;
            sample.put("decodeMillisPerToken", Spread.rounded(perToken * 1e3));
            sample.put("decodeTokensPerSecond", Spread.rounded(1 / perToken));
        }
        sample.put("prunedShare", Spread.rounded(report.prunedShare()));
        sample.put("flopsSavedShare", Spread.rounded(report.flopsSavedShare()));
        sample.put("gflopsPerSecond", Spread.rounded(flops / (report.prefill().toNanos() * 1e-9) / 1e9));
        sample.put("kvBytes", report.kvBytes());
        sample.put("peakResidentBytes", ProcessMemory.orNotAvailable(memory.peakResidentBytes()));
        sample.put("peakCountedFrom", peakIsOwn ? "sample" : "start");
        sample.put("anonymousBytes", ProcessMemory.orNotAvailable(memory.anonymousBytes()));
        return sample;
    }

    /** What an engine made of a prompt. */
    record Answer(List<Integer> ids, GenerationReport report) {}

    /** Prefills a prompt and generates greedily. */
    Answer answer(int promptTokens, PruneSchedule schedule) {
        List<Integer> ids = new ArrayList<>();
        GenerationReport report = generate(
                new GenerationRequest(prompt(promptTokens), Sampling.GREEDY, tokens, Set.of(), schedule), ids::add);
        return new Answer(ids, report);
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
