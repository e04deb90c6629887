package io.sliminfer.benchmarks.calibrate;

import io.sliminfer.benchmarks.report.MarkdownTable;
import io.sliminfer.benchmarks.report.Shares;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.prune.PruneStep;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** What a calibration found, as lines of results and as Markdown. */
public final class CalibrationReport {

    private CalibrationReport() {}

    /** A line for each prompt of a measurement. */
    public static Map<String, Object> caseLine(
            Calibration.Prompt prompt, List<List<PruneStep>> schedules, List<Change> changes) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("type", "case");
        line.put("id", prompt.id());
        line.put("promptTokens", prompt.tokens().length);
        List<Map<String, Object>> pruned = new ArrayList<>();
        for (int i = 0; i < changes.size(); i++) {
            Map<String, Object> change = new LinkedHashMap<>();
            change.put("schedule", new Candidate(schedules.get(i), 1, changes.get(i)).label());
            change.put("divergence", Spread.rounded(changes.get(i).divergence()));
            change.put("agrees", changes.get(i).agreement() == 1);
            pruned.add(change);
        }
        line.put("pruned", pruned);
        return line;
    }

    /**
     * A line for a schedule.
     *
     * @param type {@code sensitivity} or {@code schedule}
     */
    public static Map<String, Object> line(String type, Candidate candidate) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("type", type);
        line.put("schedule", candidate.label());
        line.put("divergence", Spread.rounded(candidate.divergence()));
        line.put("agreement", Spread.rounded(candidate.change().agreement()));
        line.put("flopsSavedShare", Spread.rounded(1 - candidate.flopsShare()));
        line.put("flopsSavedShares", saved(candidate).toMap());
        return line;
    }

    /** Single steps: a row for each layer, a column for each share; divergence and, in percent, agreement. */
    public static String sensitivityTable(List<Candidate> singles) {
        TreeSet<String> shares = new TreeSet<>();
        Map<Integer, Map<String, Candidate>> layers = new LinkedHashMap<>();
        for (Candidate single : singles) {
            PruneStep step = single.steps().get(0);
            shares.add(step.budget().toString());
            layers.computeIfAbsent(step.layer(), layer -> new LinkedHashMap<>())
                    .put(step.budget().toString(), single);
        }
        List<String> columns = new ArrayList<>(shares.descendingSet());
        List<String> header = new ArrayList<>(List.of("Layer"));
        columns.forEach(share -> header.add("keeps " + share));
        MarkdownTable table = new MarkdownTable(header.toArray(new String[0]));
        layers.forEach((layer, ofLayer) -> {
            List<String> row = new ArrayList<>(List.of(layer.toString()));
            columns.forEach(share -> {
                Candidate single = ofLayer.get(share);
                row.add(
                        single == null
                                ? "prunes nothing"
                                : String.format(
                                        Locale.ROOT,
                                        "%.4f (%.0f %%)",
                                        single.divergence(),
                                        single.change().agreement() * 100));
            });
            table.row(row.toArray(new String[0]));
        });
        return table.render();
    }

    private static Shares saved(Candidate candidate) {
        Shares flops = candidate.flops();
        return new Shares(1 - flops.mean(), flops.deviation(), 1 - flops.max(), 1 - flops.min());
    }

    /** Measured schedules, cheapest first. */
    public static String scheduleTable(List<Candidate> measured, List<Candidate> front, Candidate chosen) {
        MarkdownTable table =
                new MarkdownTable("Schedule", "Divergence", "Same answers", "FLOPs saved", "On the front", "Chosen");
        measured.stream()
                .sorted((a, b) -> Double.compare(a.flopsShare(), b.flopsShare()))
                .forEach(candidate -> table.row(
                        candidate.label(),
                        String.format(Locale.ROOT, "%.4f", candidate.divergence()),
                        String.format(Locale.ROOT, "%.0f %%", candidate.change().agreement() * 100),
                        saved(candidate).text(),
                        front.contains(candidate) ? "yes" : "",
                        candidate.equals(chosen) ? "yes" : ""));
        return table.render();
    }

    /** How far 8 bits take a linear layer's outputs from what they are. */
    public static Map<String, Object> quantisationLine(String layer, double error) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("type", "quantisation");
        line.put("layer", layer);
        line.put("error", Spread.rounded(error));
        return line;
    }

    /**
     * @param errors by linear layer
     * @param whole  those above the limit
     */
    public static String quantisationText(Map<String, Double> errors, Map<String, Double> whole, double limit) {
        Map.Entry<String, Double> worst =
                errors.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow();
        StringBuilder text = new StringBuilder(String.format(
                Locale.ROOT,
                "\nIn 8 bits the outputs of %d linear layers change by up to %.1f %% (%s); above %.1f %% are ",
                errors.size(),
                100 * worst.getValue(),
                worst.getKey(),
                100 * limit));
        if (whole.isEmpty()) {
            return text.append("none.\n").toString();
        }
        text.append("those that the file lists, and that are not quantised:\n\n");
        MarkdownTable table = new MarkdownTable("Layer", "Change of its outputs");
        whole.forEach((layer, error) -> table.row(layer, String.format(Locale.ROOT, "%.1f %%", 100 * error)));
        return text.append(table.render()).toString();
    }
}
