package io.sliminfer.benchmarks.serve;

import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.engine.GenerationReport;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What callers got in one turn. Counted is what came before its end. */
final class LoadFigures {

    private LoadFigures() {}

    /**
     * For a line of results.
     *
     * @param expected ids of each prompt's answer alone
     */
    static Map<String, Object> of(Load.Result result, List<int[]> expected) {
        List<Double> first = new ArrayList<>();
        List<Double> gaps = new ArrayList<>();
        List<Double> queued = new ArrayList<>();
        double batch = 0;
        int batches = 0;
        int differing = 0;
        int finishedAll = 0;
        long tokensAll = 0;
        double[] tokensOf = new double[result.answers().size()];
        int[] finishedOf = new int[tokensOf.length];
        for (int caller = 0; caller < tokensOf.length; caller++) {
            for (Answer answer : result.answers().get(caller)) {
                if (answer.failure() != null) {
                    continue;
                }
                differing += beginsLike(expected.get(answer.prompt()), answer.ids(), answer.isComplete()) ? 0 : 1;
                int tokens = answer.tokensUntil(result.endNanos());
                tokensOf[caller] += tokens;
                finishedOf[caller] += answer.isComplete() ? 1 : 0;
                if (tokens > 0) {
                    first.add(answer.firstTokenMillis());
                    queued.add(answer.report().queued().toNanos() * 1e-6);
                }
                for (int token = 1; token < tokens; token++) {
                    gaps.add(answer.gapMillis(token));
                }
                GenerationReport report = answer.report();
                if (report.decodeBatch() > 0) {
                    batch += report.decodeBatch();
                    batches++;
                }
            }
            finishedAll += finishedOf[caller];
            tokensAll += (long) tokensOf[caller];
        }
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("seconds", Spread.rounded(result.seconds()));
        line.put("requests", finishedAll);
        line.put("requestsPerSecond", Spread.rounded(finishedAll / result.seconds()));
        line.put("tokensPerSecond", Spread.rounded(tokensAll / result.seconds()));
        percentiles(line, "ttftMillis", first);
        percentiles(line, "tokenMillis", gaps);
        percentiles(line, "queueMillis", queued);
        line.put("decodeBatch", Spread.rounded(batches == 0 ? 0 : batch / batches));
        line.put("callerRequestsMin", Arrays.stream(finishedOf).min().orElse(0));
        line.put("callerRequestsMax", Arrays.stream(finishedOf).max().orElse(0));
        line.put("fairness", Spread.rounded(jain(tokensOf)));
        line.put("refused", result.refused());
        line.put("failed", result.failures().size());
        line.put("differing", differing);
        return line;
    }

    /** Whether an answer is the expected one, or the beginning of it if it was cancelled. */
    private static boolean beginsLike(int[] expected, int[] ids, boolean complete) {
        return ids.length <= expected.length
                && (!complete || ids.length == expected.length)
                && Arrays.equals(ids, 0, ids.length, expected, 0, ids.length);
    }

    private static void percentiles(Map<String, Object> line, String name, List<Double> values) {
        Collections.sort(values);
        for (int percent : new int[] {50, 95, 99}) {
            line.put(name + "P" + percent, Spread.rounded(percentile(values, percent)));
        }
    }

    /** The smallest value that so many per cent of all do not exceed; 0 where there is none. */
    static double percentile(List<Double> sorted, int percent) {
        int rank = (int) Math.ceil(sorted.size() * percent / 100.0);
        return sorted.isEmpty() ? 0 : sorted.get(Math.max(0, rank - 1));
    }

    /** Jain's index (R. Jain et al., DEC-TR-301, 1984): 1 where all have the same, 1/n where one has all. */
    static double jain(double[] shares) {
        double sum = 0;
        double squares = 0;
        for (double share : shares) {
            sum += share;
            squares += share * share;
        }
        return squares == 0 ? 1 : sum * sum / (shares.length * squares);
    }
}
