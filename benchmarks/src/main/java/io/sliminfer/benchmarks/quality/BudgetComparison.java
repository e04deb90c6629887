package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.report.MarkdownTable;
import io.sliminfer.benchmarks.report.Shares;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.prune.PruneSchedule;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * An adaptive schedule beside fixed budgets of the same cost. Dense prefill and the run's fixed schedules with the same sizes and pruning
 * layers, by their mean share that was not computed, make a curve of score against cost; the adaptive schedule is compared, case by case, with the point of the curve at
 * its own mean share: the two fixed schedules next to it, weighted. Schedules that prune elsewhere are not on the curve: one at too early a layer
 * would make any mass look good.
 *
 * @param variant    the adaptive schedule
 * @param cost       its share that was not computed
 * @param score      its mean score
 * @param fixedScore the fixed schedules' at the same share, or NaN if it computes less than all of them
 * @param difference of the two, or null likewise
 */
record BudgetComparison(
        String variant, Shares cost, double score, double fixedScore, @Nullable PairedDifference difference) {

    /** A point of the curve: mean share not computed and the score of each case. */
    private record Point(double share, double[] scores) {

        double meanScore() {
            double sum = 0;
            for (double score : scores) {
                sum += score;
            }
            return sum / scores.length;
        }
    }

    /**
     * One for each adaptive schedule.
     *
     * @param results of all cases and variants, each variant's in the order of the cases
     * @param own     the engine's schedule
     */
    static List<BudgetComparison> of(List<PairedResult> results, PruneSchedule own) {
        Map<PruneVariant, List<PairedResult>> variants = new LinkedHashMap<>();
        results.forEach(result -> variants.computeIfAbsent(result.variant(), absent -> new ArrayList<>())
                .add(result));
        List<BudgetComparison> comparisons = new ArrayList<>();
        variants.forEach((variant, ofVariant) -> {
            if (variant.isAdaptive(own)) {
                List<Point> fixed = new ArrayList<>();
                fixed.add(
                        new Point(0, scores(ofVariant, result -> result.dense().score())));
                variants.forEach((other, ofOther) -> {
                    if (!other.isAdaptive(own) && other.differsOnlyInBudgetsFrom(variant, own)) {
                        fixed.add(point(ofOther));
                    }
                });
                fixed.sort(Comparator.comparingDouble(Point::share));
                comparisons.add(compare(variant, ofVariant, fixed));
            }
        });
        return comparisons;
    }

    private static BudgetComparison compare(PruneVariant variant, List<PairedResult> results, List<Point> fixed) {
        Point adaptive = point(results);
        Shares cost = Shares.of(
                results.stream().map(result -> result.pruned().prunedShare()).toList());
        int above = 0;
        while (above < fixed.size() && fixed.get(above).share < adaptive.share) {
            above++;
        }
        if (above == fixed.size()) {
            return new BudgetComparison(variant.label(), cost, adaptive.meanScore(), Double.NaN, null);
        }
        Point more = fixed.get(above);
        Point less = fixed.get(Math.max(0, above - 1));
        double weight = more.share == less.share ? 1 : (adaptive.share - less.share) / (more.share - less.share);
        double[] differences = new double[adaptive.scores.length];
        for (int i = 0; i < differences.length; i++) {
            differences[i] = adaptive.scores[i] - (1 - weight) * less.scores[i] - weight * more.scores[i];
        }
        PairedDifference difference = PairedDifference.of(differences);
        return new BudgetComparison(
                variant.label(), cost, adaptive.meanScore(), adaptive.meanScore() - difference.mean(), difference);
    }

    private static Point point(List<PairedResult> results) {
        double share = results.stream()
                .mapToDouble(result -> result.pruned().prunedShare())
                .average()
                .orElseThrow();
        return new Point(share, scores(results, result -> result.pruned().score()));
    }

    private static double[] scores(List<PairedResult> results, ToDoubleFunction<PairedResult> score) {
        return results.stream().mapToDouble(score).toArray();
    }

    /** For a line of results. */
    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("type", "comparison");
        map.put("variant", variant);
        map.put("prunedShares", cost.toMap());
        map.put("score", Spread.rounded(score));
        if (difference != null) {
            map.put("fixedScore", Spread.rounded(fixedScore));
            map.put("difference", Spread.rounded(difference.mean()));
            map.put("low", Spread.rounded(difference.low()));
            map.put("high", Spread.rounded(difference.high()));
        }
        return map;
    }

    /** The comparisons as a Markdown table. */
    static String table(List<BudgetComparison> comparisons) {
        MarkdownTable table = new MarkdownTable(
                "Adaptive schedule", "Not computed", "Score", "Fixed at the same cost", "Difference (95 %)");
        for (BudgetComparison comparison : comparisons) {
            PairedDifference difference = comparison.difference;
            table.row(
                    comparison.variant,
                    comparison.cost.text(),
                    String.format(Locale.ROOT, "%.3f", comparison.score),
                    difference == null ? "none so cheap" : String.format(Locale.ROOT, "%.3f", comparison.fixedScore),
                    difference == null ? "" : difference.text());
        }
        return table.render();
    }
}
