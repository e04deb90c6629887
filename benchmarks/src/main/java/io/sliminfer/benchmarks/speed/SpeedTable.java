package io.sliminfer.benchmarks.speed;

import io.sliminfer.benchmarks.report.Cells;
import io.sliminfer.benchmarks.report.MarkdownTable;
import io.sliminfer.benchmarks.report.RunLines;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Renders lines of results as Markdown: what was run and where, then a row for each prompt length and mode. */
final class SpeedTable {

    private SpeedTable() {}

    /**
     * The tables of all runs in the lines, in their order.
     *
     * @throws IllegalArgumentException if the lines hold no complete run of this command
     */
    static String render(List<JsonNode> lines) {
        StringBuilder text = new StringBuilder();
        for (RunLines run : RunLines.split(lines, SpeedRun.BENCHMARK)) {
            text.append(text.isEmpty() ? "" : "\n")
                    .append(run.describe())
                    .append(table(run.ofType("summary"), run.header()).render());
            run.ofType("note").forEach(note -> text.append("\n")
                    .append(note.path("text").asString())
                    .append("\n"));
        }
        return text.toString();
    }

    private static MarkdownTable table(List<JsonNode> summaries, JsonNode header) {
        MarkdownTable table = new MarkdownTable(
                "Prompt, mode",
                "TTFT s",
                "x dense",
                "prompt tok/s",
                "decode ms/tok",
                "decode tok/s",
                "pruned",
                "FLOPs saved",
                "GFLOP/s",
                "of GEMM",
                "peak MB",
                "anonymous MB");
        for (JsonNode summary : summaries) {
            table.row(
                    summary.path("promptTokens").asInt() + " "
                            + name(summary.path("mode").asString(), header),
                    Cells.spread(summary.path("ttftSeconds")),
                    Cells.number(summary.path("ttftOfDense"), value -> Cells.format("%.2f", value)),
                    Cells.median(summary, "promptTokensPerSecond", Cells::figures),
                    Cells.median(summary, "decodeMillisPerToken", Cells::figures),
                    Cells.median(summary, "decodeTokensPerSecond", Cells::figures),
                    Cells.median(summary, "prunedShare", Cells::percent),
                    Cells.median(summary, "flopsSavedShare", Cells::percent),
                    Cells.median(summary, "gflopsPerSecond", Cells::figures),
                    Cells.number(summary.path("gflopsOfGemm"), Cells::percent),
                    Cells.median(summary, "peakResidentBytes", bytes -> Cells.format("%.0f", bytes / 1e6)),
                    Cells.median(summary, "anonymousBytes", bytes -> Cells.format("%.0f", bytes / 1e6)));
        }
        return table;
    }

    private static String name(String mode, JsonNode header) {
        if (mode.equals(Baseline.GEMM.label())) {
            return "oneDNN alone";
        }
        return mode.equals(Baseline.LLAMA.label())
                ? "llama.cpp " + header.path("llamaWeights").asString("")
                : mode;
    }
}
