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
        boolean cold =
                !lines.isEmpty() && lines.get(0).path("benchmark").asString("").equals(ColdRun.BENCHMARK);
        StringBuilder text = new StringBuilder();
        for (RunLines run : RunLines.split(lines, cold ? ColdRun.BENCHMARK : SpeedRun.BENCHMARK)) {
            List<JsonNode> summaries = run.ofType("summary");
            text.append(text.isEmpty() ? "" : "\n")
                    .append(run.describe())
                    .append((cold ? coldTable(summaries, run.header()) : table(summaries, run.header())).render());
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
                "of dense",
                "x llama",
                "prompt tok/s",
                "decode ms/tok",
                "decode tok/s",
                "x llama",
                "pruned",
                "FLOPs saved",
                "GFLOP/s",
                "of GEMM",
                "peak MB",
                "weights + KV MB",
                "anonymous MB");
        for (JsonNode summary : summaries) {
            table.row(
                    summary.path("promptTokens").asInt() + " "
                            + Samples.title(summary.path("mode").asString(), header),
                    Cells.spread(summary.path("ttftSeconds")),
                    Cells.number(summary.path("ttftOfDense"), value -> Cells.format("%.2f", value)),
                    // A time: what takes a fifth is five times as fast.
                    Cells.number(summary.path("ttftOfLlama"), value -> Cells.format("%.2f", 1 / value)),
                    Cells.median(summary, "promptTokensPerSecond", Cells::figures),
                    Cells.median(summary, "decodeMillisPerToken", Cells::figures),
                    Cells.median(summary, "decodeTokensPerSecond", Cells::figures),
                    Cells.number(summary.path("decodeSpeedOfLlama"), value -> Cells.format("%.2f", value)),
                    Cells.median(summary, "prunedShare", Cells::percent),
                    Cells.median(summary, "flopsSavedShare", Cells::percent),
                    Cells.median(summary, "gflopsPerSecond", Cells::figures),
                    Cells.number(summary.path("gflopsOfGemm"), Cells::percent),
                    Cells.median(summary, "peakResidentBytes", Cells::megabytes),
                    Cells.median(summary, "weightsAndKvBytes", Cells::megabytes),
                    Cells.median(summary, "anonymousBytes", Cells::megabytes));
        }
        return table;
    }

    private static MarkdownTable coldTable(List<JsonNode> summaries, JsonNode header) {
        MarkdownTable table = new MarkdownTable(
                "First answer after start",
                "first token s",
                "time of llama.cpp's",
                "model loaded s",
                "TTFT s",
                "read from disk MB",
                "peak MB",
                "weights + KV MB");
        for (JsonNode summary : summaries) {
            table.row(
                    summary.path("promptTokens").asInt() + " "
                            + Samples.title(summary.path("mode").asString(), header),
                    Cells.spread(summary.path("firstTokenSeconds")),
                    Cells.number(summary.path("timeOfLlama"), value -> Cells.format("%.2f", value)),
                    Cells.median(summary, "readySeconds", Cells::figures),
                    Cells.median(summary, "ttftSeconds", Cells::figures),
                    Cells.median(summary, "diskBytes", Cells::megabytes),
                    Cells.median(summary, "peakResidentBytes", Cells::megabytes),
                    Cells.median(summary, "weightsAndKvBytes", Cells::megabytes));
        }
        return table;
    }
}
