package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.report.MarkdownTable;
import io.sliminfer.benchmarks.report.Shares;
import io.sliminfer.benchmarks.report.Spread;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What a group of results says of one way of pruning.
 *
 * @param task   or {@link #ALL}
 * @param length or {@link #ALL}
 * @param ttft   dense over pruned time to first token, case by case: above 1 pruning is faster
 * @param prunedShare share of (prompt token, layer) pairs that were never computed
 * @param keptShares  for each decision that all cases made, the share of the prompt that was live after it
 * @param lost   ids of cases that scored less pruned
 * @param gained ids of cases that scored more pruned
 */
public record Summary(
        String task,
        String length,
        String variant,
        double dense,
        double pruned,
        PairedDifference difference,
        int answersThatDiffer,
        Spread ttft,
        Shares prunedShare,
        List<Shares> keptShares,
        List<String> lost,
        List<String> gained) {

    public static final String ALL = "all";

    private static final int SHOWN_IDS = 20;

    /** By variant: all cases, each task, each length, each task at each length; sums only where there is more than one to sum up. */
    public static List<Summary> of(List<PairedResult> results) {
        Map<List<String>, List<PairedResult>> groups = new LinkedHashMap<>();
        Map<String, List<PairedResult>> variants =
                group(results, result -> result.variant().label());
        variants.forEach((variant, ofVariant) -> {
            Map<String, List<PairedResult>> tasks =
                    group(ofVariant, result -> result.asked().task());
            Map<String, List<PairedResult>> lengths = group(byLength(ofVariant), Summary::lengthOf);
            if (tasks.size() > 1 || lengths.size() > 1) {
                groups.put(List.of(ALL, ALL, variant), ofVariant);
            }
            if (tasks.size() > 1 && lengths.size() > 1) {
                tasks.forEach((task, group) -> groups.put(List.of(task, ALL, variant), group));
                lengths.forEach((length, group) -> groups.put(List.of(ALL, length, variant), group));
            }
            tasks.forEach((task, ofTask) -> group(byLength(ofTask), Summary::lengthOf)
                    .forEach((length, group) -> groups.put(List.of(task, length, variant), group)));
        });
        List<Summary> summaries = new ArrayList<>();
        groups.forEach((key, group) -> summaries.add(of(key.get(0), key.get(1), key.get(2), group)));
        return summaries;
    }

    /** One for each variant, over all cases. */
    public static List<Summary> byVariant(List<PairedResult> results) {
        List<Summary> summaries = new ArrayList<>();
        group(results, result -> result.variant().label())
                .forEach((variant, ofVariant) -> summaries.add(of(ALL, ALL, variant, ofVariant)));
        return summaries;
    }

    private static List<PairedResult> byLength(List<PairedResult> results) {
        return results.stream()
                .sorted(Comparator.comparingInt(result -> result.asked().length()))
                .toList();
    }

    private static String lengthOf(PairedResult result) {
        return Integer.toString(result.asked().length());
    }

    private static Map<String, List<PairedResult>> group(
            List<PairedResult> results, Function<PairedResult, String> key) {
        Map<String, List<PairedResult>> groups = new LinkedHashMap<>();
        results.forEach(result -> groups.computeIfAbsent(key.apply(result), absent -> new ArrayList<>())
                .add(result));
        return groups;
    }

    private static Summary of(String task, String length, String variant, List<PairedResult> group) {
        return new Summary(
                task,
                length,
                variant,
                mean(group, result -> result.dense().score()),
                mean(group, result -> result.pruned().score()),
                PairedDifference.of(
                        group.stream().mapToDouble(PairedResult::difference).toArray()),
                (int) group.stream().filter(PairedResult::differs).count(),
                Spread.of(group.stream()
                        .map(result ->
                                result.dense().ttftMillis() / result.pruned().ttftMillis())
                        .toList()),
                shares(group, result -> result.pruned().prunedShare()),
                keptShares(group),
                ids(group, result -> result.difference() < 0),
                ids(group, result -> result.difference() > 0));
    }

    private static double mean(List<PairedResult> group, Function<PairedResult, Double> value) {
        return group.stream().mapToDouble(value::apply).average().orElseThrow();
    }

    private static Shares shares(List<PairedResult> group, Function<PairedResult, Double> share) {
        return Shares.of(group.stream().map(share).toList());
    }

    private static List<Shares> keptShares(List<PairedResult> group) {
        int decisions = group.stream()
                .mapToInt(result -> result.pruned().keptShares().size())
                .min()
                .orElse(0);
        return IntStream.range(0, decisions)
                .mapToObj(i ->
                        shares(group, result -> result.pruned().keptShares().get(i)))
                .toList();
    }

    private static List<String> ids(List<PairedResult> group, Predicate<PairedResult> wanted) {
        return group.stream().filter(wanted).map(result -> result.asked().id()).toList();
    }

    /** For a line of results. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("type", "summary");
        map.put("task", task);
        map.put("length", length);
        map.put("variant", variant);
        map.put("cases", difference.count());
        map.put("dense", Spread.rounded(dense));
        map.put("pruned", Spread.rounded(pruned));
        map.put("difference", Spread.rounded(difference.mean()));
        map.put("low", Spread.rounded(difference.low()));
        map.put("high", Spread.rounded(difference.high()));
        map.put("answersThatDiffer", answersThatDiffer);
        map.put("ttftRatio", ttft.toMap());
        map.put("prunedShare", Spread.rounded(prunedShare.mean()));
        map.put("prunedShares", prunedShare.toMap());
        map.put("keptShares", keptShares.stream().map(Shares::toMap).toList());
        map.put("lost", lost);
        map.put("gained", gained);
        return map;
    }

    /** The summaries as a Markdown table. */
    public static String table(List<Summary> summaries) {
        MarkdownTable table = new MarkdownTable(
                "Task",
                "Length",
                "Schedule",
                "Cases",
                "Dense",
                "Pruned",
                "Difference (95 %)",
                "Answers that differ",
                "TTFT ratio",
                "Not computed",
                "Kept");
        for (Summary summary : summaries) {
            table.row(
                    summary.task,
                    summary.length,
                    summary.variant,
                    Integer.toString(summary.difference.count()),
                    decimals(summary.dense),
                    decimals(summary.pruned),
                    summary.difference.text(),
                    Integer.toString(summary.answersThatDiffer),
                    String.format(
                            Locale.ROOT,
                            "%.2f (%.2f-%.2f)",
                            summary.ttft.median(),
                            summary.ttft.min(),
                            summary.ttft.max()),
                    summary.prunedShare.text(),
                    summary.keptShares.stream().map(Shares::text).collect(Collectors.joining(", ")));
        }
        return table.render();
    }

    /** The cases that changed their score, for each variant over all its cases; the first few of them. */
    public static String changes(List<Summary> summaries) {
        Map<String, Summary> widest = new LinkedHashMap<>();
        summaries.forEach(summary ->
                widest.merge(summary.variant, summary, (a, b) -> a.difference.count() >= b.difference.count() ? a : b));
        StringBuilder text = new StringBuilder();
        widest.forEach((variant, summary) -> text.append(changed("lower", variant, summary.lost))
                .append(changed("higher", variant, summary.gained)));
        return text.toString();
    }

    private static String changed(String direction, String variant, List<String> ids) {
        if (ids.isEmpty()) {
            return "";
        }
        String shown = String.join(", ", ids.subList(0, Math.min(SHOWN_IDS, ids.size())));
        String more = ids.size() > SHOWN_IDS ? " and " + (ids.size() - SHOWN_IDS) + " more" : "";
        return "\nScored %s with %s: %s%s.\n".formatted(direction, variant, shown, more);
    }

    private static String decimals(double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }
}
