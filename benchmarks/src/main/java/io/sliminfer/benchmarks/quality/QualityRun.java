package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.RunHeader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One run and its files: {@code NAME.jsonl} gets a header, a line for each case as soon as it is answered and the summaries;
 * {@code NAME.md} is this run's table.
 */
final class QualityRun implements AutoCloseable {

    private final Path folder;
    private final String name;
    private final ModelUnderTest model;
    private final JsonLines lines;
    private final PrintWriter progress;
    private final Map<String, Object> header;

    QualityRun(QualityOptions options, String name, ModelUnderTest model) {
        this.folder = options.out();
        this.name = name;
        this.model = model;
        this.progress = options.command().getErr();
        this.lines = JsonLines.appendTo(folder.resolve(name + ".jsonl"));
        this.header = new LinkedHashMap<>(RunHeader.of(options.arguments()));
        header.put("benchmark", name);
        header.put("model", model.name());
        header.put("device", model.device());
        lines.write(header);
    }

    List<PairedResult> run(List<EvalCase> cases, List<PruneVariant> variants) {
        return new PairedRunner(model.chatModel(), variants, lines, this::progress).run(cases);
    }

    /** A line for people. */
    void progress(String line) {
        progress.println(line);
        progress.flush();
    }

    void write(Map<String, ?> line) {
        lines.write(line);
    }

    /** Appends the summaries and writes the table with what was measured on what. */
    String finish(List<Summary> summaries) {
        return finish(summaries, List.of());
    }

    /** The same with adaptive schedules beside fixed ones, if there are any. */
    String finish(List<Summary> summaries, List<BudgetComparison> comparisons) {
        summaries.forEach(summary -> lines.write(summary.toMap()));
        comparisons.forEach(comparison -> lines.write(comparison.toMap()));
        String compared = comparisons.isEmpty()
                ? ""
                : "\nAdaptive schedules and fixed budgets that compute as much.\n\n"
                        + BudgetComparison.table(comparisons);
        return finish(Summary.table(summaries) + compared + Summary.changes(summaries));
    }

    /** Writes tables with what was measured on what; returns the file's text. */
    String finish(String tables) {
        String text = "%s; model %s, %s, commit %s, %s\n\n%s"
                .formatted(
                        "`" + header.get("command") + "`",
                        model.name(),
                        model.device(),
                        header.get("commit"),
                        header.get("date"),
                        tables);
        try {
            Files.writeString(folder.resolve(name + ".md"), text);
        } catch (IOException e) {
            throw new UncheckedIOException(folder.resolve(name + ".md") + " cannot be written: " + e.getMessage(), e);
        }
        return text;
    }

    @Override
    public void close() {
        lines.close();
    }
}
