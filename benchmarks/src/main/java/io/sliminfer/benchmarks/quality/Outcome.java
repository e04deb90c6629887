package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.report.Spread;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One answer and what it cost.
 *
 * @param score       0 to 1
 * @param ttftMillis  queue and prefill
 * @param prunedShare share of (prompt token, layer) pairs that were never computed
 * @param keptShares  share of the prompt that was live after each pruning layer but one that is the model's last
 */
public record Outcome(
        String text,
        double score,
        int promptTokens,
        int generatedTokens,
        double ttftMillis,
        double prunedShare,
        List<Double> keptShares) {

    /** For a line of results. */
    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("answer", text);
        map.put("score", Spread.rounded(score));
        map.put("generatedTokens", generatedTokens);
        map.put("ttftMillis", Spread.rounded(ttftMillis));
        map.put("prunedShare", Spread.rounded(prunedShare));
        map.put("keptShares", keptShares.stream().map(Spread::rounded).toList());
        return map;
    }
}
