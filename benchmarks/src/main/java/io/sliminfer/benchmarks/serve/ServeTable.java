package io.sliminfer.benchmarks.serve;

import io.sliminfer.benchmarks.report.Cells;
import io.sliminfer.benchmarks.report.MarkdownTable;
import io.sliminfer.benchmarks.report.RunLines;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Renders lines of results as Markdown: what was run and where, then a row for each number of callers. */
final class ServeTable {

    private ServeTable() {}

    /**
     * The tables of all runs in the lines, in their order.
     *
     * @throws IllegalArgumentException if the lines hold no complete run of this command
     */
    static String render(List<JsonNode> lines) {
        StringBuilder text = new StringBuilder();
        for (RunLines run : RunLines.split(lines, ServeRun.BENCHMARK)) {
            JsonNode header = run.header();
            text.append(text.isEmpty() ? "" : "\n")
                    .append(run.describe())
                    .append(
                            "%d prompt tokens, %d generated, turns of %.0f s; batches of up to %d, a queue of %d, prefill slices of %.0f ms.\n\n"
                                    .formatted(
                                            header.path("promptTokens").asInt(),
                                            header.path("tokens").asInt(),
                                            header.path("seconds").asDouble(),
                                            header.path("batchMax").asInt(),
                                            header.path("queueCapacity").asInt(),
                                            header.path("prefillSliceMillis").asDouble()))
                    .append(table(run.ofType("summary")).render());
            run.ofType("ratio")
                    .forEach(ratio -> text.append("\nThroughput of %d callers by that of %d: %s.\n"
                            .formatted(
                                    ratio.path("callers").asInt(),
                                    ratio.path("ofCallers").asInt(),
                                    Cells.spread(ratio.path("tokensPerSecond")))));
            run.ofType("leftovers").forEach(leftovers -> text.append("\nLeft when idle: ")
                    .append(leftovers(leftovers))
                    .append(".\n"));
        }
        return text.toString();
    }

    private static MarkdownTable table(List<JsonNode> summaries) {
        MarkdownTable table = new MarkdownTable(
                "Callers",
                "tok/s",
                "requests/s",
                "TTFT ms p50",
                "p95",
                "p99",
                "ms/tok p50",
                "p95",
                "p99",
                "queued ms p50",
                "p95",
                "batch",
                "requests a caller",
                "fairness",
                "refused",
                "failed",
                "differing");
        for (JsonNode summary : summaries) {
            table.row(
                    String.valueOf(summary.path("callers").asInt()),
                    Cells.spread(summary.path("tokensPerSecond")),
                    Cells.median(summary, "requestsPerSecond", Cells::figures),
                    Cells.median(summary, "ttftMillisP50", Cells::figures),
                    Cells.median(summary, "ttftMillisP95", Cells::figures),
                    Cells.median(summary, "ttftMillisP99", Cells::figures),
                    Cells.median(summary, "tokenMillisP50", Cells::figures),
                    Cells.median(summary, "tokenMillisP95", Cells::figures),
                    Cells.median(summary, "tokenMillisP99", Cells::figures),
                    Cells.median(summary, "queueMillisP50", Cells::figures),
                    Cells.median(summary, "queueMillisP95", Cells::figures),
                    Cells.median(summary, "decodeBatch", Cells::figures),
                    Cells.median(summary, "callerRequestsMin", value -> Cells.format("%.0f", value)) + "-"
                            + Cells.median(summary, "callerRequestsMax", value -> Cells.format("%.0f", value)),
                    Cells.median(summary, "fairness", value -> Cells.format("%.3f", value)),
                    summary.path("refused").asString(),
                    summary.path("failed").asString(),
                    summary.path("differing").asString());
        }
        return table;
    }

    private static String leftovers(JsonNode line) {
        JsonNode start = line.path("start");
        JsonNode end = line.path("end");
        return "%d KV slots; threads %d (before: %d), direct buffers %d (%d) bytes, native memory %d (%d) bytes, heap %.1f (%.1f) MB"
                .formatted(
                        line.path("kvSlotsUsed").asInt(),
                        end.path("threads").asInt(),
                        start.path("threads").asInt(),
                        end.path("directBytes").asLong(),
                        start.path("directBytes").asLong(),
                        end.path("nativeBytes").asLong(),
                        start.path("nativeBytes").asLong(),
                        end.path("heapBytes").asLong() / 1e6,
                        start.path("heapBytes").asLong() / 1e6);
    }
}
