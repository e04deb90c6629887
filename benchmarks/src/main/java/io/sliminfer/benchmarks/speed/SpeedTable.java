package io.sliminfer.benchmarks.speed;

import io.sliminfer.benchmarks.report.Machine;
import io.sliminfer.benchmarks.report.MarkdownTable;
import io.sliminfer.benchmarks.report.RunHeader;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;
import tools.jackson.databind.JsonNode;

/** Renders lines of results as Markdown: what was run and where, then a row for each prompt length and mode. */
final class SpeedTable {

    private static final String NONE = "-";

    private SpeedTable() {}

    /**
     * The tables of all runs in the lines, in their order.
     *
     * @throws IllegalArgumentException if the lines hold no complete run of this command
     */
    static String render(List<JsonNode> lines) {
        StringBuilder text = new StringBuilder();
        List<JsonNode> run = new ArrayList<>();
        for (JsonNode line : lines) {
            if (type(line).equals(RunHeader.TYPE) && !run.isEmpty()) {
                append(text, run);
                run.clear();
            }
            run.add(line);
        }
        if (!run.isEmpty()) {
            append(text, run);
        }
        if (text.isEmpty()) {
            throw new IllegalArgumentException("there are no results in it");
        }
        return text.toString();
    }

    private static void append(StringBuilder text, List<JsonNode> run) {
        JsonNode header = run.get(0);
        if (!type(header).equals(RunHeader.TYPE)
                || !header.path("benchmark").asString("").equals(SpeedRun.BENCHMARK)) {
            throw new IllegalArgumentException("the results do not start with a line of type " + RunHeader.TYPE
                    + " and benchmark " + SpeedRun.BENCHMARK);
        }
        List<JsonNode> summaries =
                run.stream().filter(line -> type(line).equals("summary")).toList();
        if (summaries.isEmpty()) {
            throw new IllegalArgumentException(
                    "the run of " + header.path("date").asString()
                            + " has no summary: it was stopped before its end. Remove its lines or measure again");
        }
        text.append(text.isEmpty() ? "" : "\n");
        describe(text, header);
        text.append(table(summaries, header).render());
        run.stream().filter(line -> type(line).equals("note")).forEach(note -> text.append("\n")
                .append(note.path("text").asString())
                .append("\n"));
    }

    private static void describe(StringBuilder text, JsonNode header) {
        JsonNode machine = header.path("machine");
        JsonNode backend = header.path("backend");
        text.append("%s (%s parameters, %s), %s: %s.%n"
                .formatted(
                        header.path("model").asString(),
                        count(header.path("parameters").asLong()),
                        header.path("modelDtype").asString(),
                        backend.path("name").asString(),
                        backend.path("description").asString()));
        text.append(Machine.describe(
                        machine.path("cpu").asString(),
                        machine.path("cores").asInt(),
                        machine.path("memoryBytes").asLong(),
                        machine.path("os").asString()))
                .append("; ")
                .append(machine.path("jvm").asString())
                .append(".\n");
        text.append("%s, commit %s: `java -jar slim-infer-benchmarks.jar %s`.%n"
                .formatted(
                        header.path("date").asString().replaceAll("T.*", ""),
                        header.path("commit").asString().replaceAll("^([0-9a-f]{10})[0-9a-f]{30}", "$1"),
                        header.path("command").asString()));
        text.append("Rounds: %d; medians (lowest-highest). Pruned: %s.%n%n"
                .formatted(
                        header.path("rounds").asInt(), header.path("schedule").asString()));
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
                    spread(summary.path("ttftSeconds")),
                    share(summary.path("ttftOfDense"), value -> format("%.2f", value)),
                    median(summary, "promptTokensPerSecond", SpeedTable::figures),
                    median(summary, "decodeMillisPerToken", SpeedTable::figures),
                    median(summary, "decodeTokensPerSecond", SpeedTable::figures),
                    median(summary, "prunedShare", SpeedTable::percent),
                    median(summary, "flopsSavedShare", SpeedTable::percent),
                    median(summary, "gflopsPerSecond", SpeedTable::figures),
                    share(summary.path("gflopsOfGemm"), SpeedTable::percent),
                    median(summary, "peakResidentBytes", bytes -> format("%.0f", bytes / 1e6)),
                    median(summary, "anonymousBytes", bytes -> format("%.0f", bytes / 1e6)));
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

    private static String type(JsonNode line) {
        return line.path("type").asString("");
    }

    private static String median(JsonNode summary, String metric, DoubleFunction<String> format) {
        JsonNode value = summary.path(metric);
        return value.isString() ? value.asString() : share(value.path("median"), format);
    }

    private static String share(JsonNode value, DoubleFunction<String> format) {
        return value.isNumber() ? format.apply(value.asDouble()) : NONE;
    }

    private static String spread(JsonNode value) {
        return value.has("median")
                ? "%s (%s-%s)"
                        .formatted(
                                figures(value.path("median").asDouble()),
                                figures(value.path("min").asDouble()),
                                figures(value.path("max").asDouble()))
                : NONE;
    }

    /** Three significant digits without exponent. */
    private static String figures(double value) {
        return format(value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : value >= 1 ? "%.2f" : "%.3f", value);
    }

    private static String percent(double share) {
        return format("%.0f %%", share * 100);
    }

    private static String count(long parameters) {
        return parameters >= 1e9
                ? format("%.2f B", parameters / 1e9)
                : parameters >= 1e6 ? format("%.0f M", parameters / 1e6) : format("%.0f K", parameters / 1e3);
    }

    private static String format(String pattern, double value) {
        return String.format(Locale.ROOT, pattern, value);
    }
}
