package io.sliminfer.spring.actuate;

import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.RequestInfo;
import io.sliminfer.spring.PromptLength;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Time to first token of the last requests, all times in milliseconds.
 *
 * @param capacity    requests that are kept, {@code slim-infer.ttft-history}
 * @param percentiles by prompt length, shortest first; lengths that did not occur are left out
 * @param requests    newest first
 */
public record TtftReport(int capacity, List<ByLength> percentiles, List<Request> requests) {

    /**
     * @param promptLength such as {@code 4k-16k}
     * @param dense        of prompts that were not pruned; null if there was none
     * @param pruned       of prompts that were; null if there was none
     */
    public record ByLength(String promptLength, @Nullable Percentiles dense, @Nullable Percentiles pruned) {}

    /** Nearest-rank percentiles: each is the time of a request that was made. */
    public record Percentiles(int count, double p50, double p95, double p99) {

        private static @Nullable Percentiles of(List<Request> requests) {
            double[] sorted =
                    requests.stream().mapToDouble(Request::ttftMillis).sorted().toArray();
            return sorted.length == 0
                    ? null
                    : new Percentiles(sorted.length, rank(sorted, 0.5), rank(sorted, 0.95), rank(sorted, 0.99));
        }

        private static double rank(double[] sorted, double share) {
            return sorted[(int) Math.ceil(share * sorted.length) - 1];
        }
    }

    /**
     * @param at          when it was submitted
     * @param ttftMillis  queue and prefill
     * @param stages      of the prefill, in order; the output head makes up the rest
     * @param prunedShare share of (prompt token, layer) pairs that pruning left out, 0..1
     * @param cachedShare share of the prompt's tokens that an earlier prompt had left, 0..1
     */
    public record Request(
            long id,
            Instant at,
            String promptLength,
            int promptTokens,
            boolean pruned,
            double ttftMillis,
            double queueMillis,
            double prefillMillis,
            List<Stage> stages,
            double prunedShare,
            double cachedShare) {

        static Request of(RequestInfo request, GenerationReport report) {
            List<Stage> stages = new ArrayList<>();
            for (int i = 0; i < report.prefillStages().size(); i++) {
                GenerationReport.Stage stage = report.stages().get(i);
                stages.add(new Stage(
                        stage.firstLayer(),
                        stage.lastLayer(),
                        stage.liveTokens(),
                        millis(report.prefillStages().get(i))));
            }
            return new Request(
                    report.id(),
                    report.submittedAt(),
                    PromptLength.of(report.promptTokens()).label(),
                    report.promptTokens(),
                    request.pruned(),
                    millis(report.timeToFirstToken()),
                    millis(report.queued()),
                    millis(report.prefill()),
                    stages,
                    report.prunedShare(),
                    (double) report.cachedTokens() / report.promptTokens());
        }
    }

    /** Layers of a prefill that the same tokens passed. */
    public record Stage(int firstLayer, int lastLayer, int liveTokens, double millis) {}

    static TtftReport of(int capacity, List<Request> requests) {
        List<ByLength> percentiles = new ArrayList<>();
        for (PromptLength length : PromptLength.values()) {
            List<Request> alike = requests.stream()
                    .filter(request -> request.promptLength().equals(length.label()))
                    .toList();
            if (!alike.isEmpty()) {
                percentiles.add(new ByLength(
                        length.label(),
                        Percentiles.of(alike.stream()
                                .filter(request -> !request.pruned())
                                .toList()),
                        Percentiles.of(alike.stream().filter(Request::pruned).toList())));
            }
        }
        return new TtftReport(capacity, percentiles, List.copyOf(requests));
    }

    private static double millis(Duration duration) {
        return duration.toNanos() / 1e6;
    }
}
