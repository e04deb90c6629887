package io.sliminfer.benchmarks.cuda;

import io.sliminfer.benchmarks.report.Cells;
import io.sliminfer.benchmarks.report.MarkdownTable;
import io.sliminfer.benchmarks.report.RunLines;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/** Renders lines of results as Markdown: the figures with their floors, what the GPU does at best, the start, the profiles. */
final class CudaTable {

    private CudaTable() {}

    /**
     * The tables of all runs in the lines, in their order.
     *
     * @throws IllegalArgumentException if the lines hold no complete run of this command
     */
    static String render(List<JsonNode> lines) {
        StringBuilder text = new StringBuilder();
        for (RunLines run : RunLines.split(lines, CudaRun.BENCHMARK)) {
            text.append(text.isEmpty() ? "" : "\n")
                    .append(run.describe())
                    .append(figures(run.ofType("summary")))
                    .append('\n');
            run.ofType("engine").forEach(engine -> text.append(engine(engine)));
            run.ofType("ceiling").forEach(ceiling -> text.append(ceiling(ceiling)));
            run.ofType("start").forEach(start -> text.append(start(start)));
            run.ofType("profile").forEach(profile -> text.append('\n').append(profile(profile)));
        }
        return text.toString();
    }

    private static String figures(List<JsonNode> summaries) {
        MarkdownTable table = new MarkdownTable(
                "Prompt, mode",
                "TTFT s",
                "x faster than dense",
                "TFLOP/s",
                "floor s",
                "of floor",
                "decode ms/tok",
                "GB/tok",
                "floor ms",
                "of floor",
                "end to end s",
                "x faster than dense",
                "TTFT of first engine's",
                "TTFT of first weights'",
                "decode of first weights'",
                "device GB");
        for (JsonNode summary : summaries) {
            table.row(
                    summary.path("promptTokens").asInt() + " "
                            + summary.path("mode").asString() + weights(summary) + limit(summary),
                    Cells.spread(summary.path("ttftSeconds")),
                    Cells.number(summary.path("ttftTimesFasterThanDense"), Cells::figures),
                    Cells.median(summary, "flopsPerSecond", rate -> Cells.figures(rate / 1e12)),
                    Cells.number(summary.path("ttftFloorSeconds"), Cells::figures),
                    Cells.number(summary.path("ttftOfFloor"), Cells::figures),
                    Cells.spread(summary.path("decodeMillisPerToken")),
                    Cells.number(summary.path("decodeBytes"), bytes -> Cells.figures(bytes / 1e9)),
                    Cells.number(summary.path("decodeFloorMillis"), Cells::figures),
                    Cells.number(summary.path("decodeOfFloor"), Cells::figures),
                    Cells.spread(summary.path("endToEndSeconds")),
                    Cells.number(summary.path("endToEndTimesFasterThanDense"), Cells::figures),
                    Cells.number(summary.path("ttftOfFirstMemory"), Cells::figures),
                    Cells.number(summary.path("ttftOfFirstWeights"), Cells::figures),
                    Cells.number(summary.path("decodeOfFirstWeights"), Cells::figures),
                    bytes(summary.path("deviceBytesPeak")));
        }
        return table.render();
    }

    private static String weights(JsonNode line) {
        String weights = line.path("weights").asString("");
        return weights.isEmpty() ? "" : ", " + weights;
    }

    private static String limit(JsonNode line) {
        long memory = line.path("memoryBytes").asLong();
        return memory == 0 ? "" : ", limit " + ByteSize.text(memory);
    }

    private static String bytes(JsonNode value) {
        return value.asLong() == 0 ? Cells.NONE : Cells.figures(value.asLong() / 1e9);
    }

    private static String engine(JsonNode engine) {
        return String.format(
                Locale.ROOT,
                "Engine%s%s: KV cache %.2f GB on the device, %.2f GB behind it; device memory %s GB at its peak; opened in %.2f s.%n",
                weights(engine),
                limit(engine),
                engine.path("kvBytes").asLong() / 1e9,
                engine.path("kvHostBytes").asLong() / 1e9,
                bytes(engine.path("deviceBytesPeak")),
                engine.path("openSeconds").asDouble());
    }

    private static String ceiling(JsonNode ceiling) {
        StringBuilder shapes = new StringBuilder();
        ceiling.path("flopsPerSecondByShape").properties().forEach(shape -> shapes.append(shapes.isEmpty() ? "" : ", ")
                .append(shape.getKey())
                .append(' ')
                .append(Cells.figures(shape.getValue().asDouble() / 1e12)));
        return String.format(
                Locale.ROOT,
                "Ceilings: the model's matrix products at %d rows %s TFLOP/s (%s); copy on the device %s TB/s read and written;"
                        + " reading the output head for one row %s TB/s; KV slots to the host %s GB/s, back %s GB/s.%n",
                ceiling.path("productRows").asInt(),
                Cells.figures(ceiling.path("flopsPerSecond").asDouble() / 1e12),
                shapes,
                terabytes(ceiling.path("copyBytesPerSecond")),
                terabytes(ceiling.path("readBytesPerSecond")),
                gigabytes(ceiling.path("toHostBytesPerSecond")),
                gigabytes(ceiling.path("toDeviceBytesPerSecond")));
    }

    private static String terabytes(JsonNode rate) {
        return Cells.number(rate, value -> Cells.figures(value / 1e12));
    }

    private static String gigabytes(JsonNode rate) {
        return Cells.number(rate, value -> Cells.figures(value / 1e9));
    }

    private static String start(JsonNode start) {
        double first = start.path("firstTtftSeconds").asDouble();
        double second = start.path("secondTtftSeconds").asDouble();
        return String.format(
                Locale.ROOT,
                "Start, kernel cache %s: engine opened in %.2f s, ready %.2f s after the JVM's start; the first request (%d tokens, %s)"
                        + " took %.3f s, the same again %.3f s: %+.3f s.%n",
                start.path("cache").asString(),
                start.path("openSeconds").asDouble(),
                start.path("readySecondsAfterJvmStart").asDouble(),
                start.path("promptTokens").asInt(),
                start.path("mode").asString(),
                first,
                second,
                first - second);
    }

    private static String profile(JsonNode profile) {
        int passes = profile.path("passes").asInt();
        MarkdownTable table = new MarkdownTable(
                "%d %s%s, %s"
                        .formatted(
                                profile.path("promptTokens").asInt(),
                                profile.path("mode").asString() + weights(profile),
                                limit(profile),
                                profile.path("phase").asString() + (passes > 1 ? " of " + passes + " tokens" : "")),
                "calls",
                "ms",
                "share",
                "TFLOP/s",
                "GB/s");
        for (JsonNode operation : profile.path("operations")) {
            String queue = operation.path("queue").asString();
            table.row(
                    operation.path("operation").asString() + (queue.equals("compute") ? "" : " (beside)"),
                    operation.path("calls").asString(),
                    Cells.number(operation.path("millis"), Cells::figures),
                    Cells.number(operation.path("share"), share -> Cells.format("%.1f %%", share * 100)),
                    Cells.number(operation.path("flopsPerSecond"), rate -> Cells.figures(rate / 1e12)),
                    Cells.number(operation.path("bytesPerSecond"), rate -> Cells.figures(rate / 1e9)));
        }
        table.row("in all", "", Cells.number(profile.path("millis"), Cells::figures), "", "", "");
        return table.render();
    }
}
