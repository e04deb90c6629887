package io.sliminfer.samples.rag;

import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Prints an answer and what it cost for people to read. */
final class AnswerPrinter {

    private final PrintStream out;

    AnswerPrinter(PrintStream out) {
        this.out = out;
    }

    void print(Answer answer) {
        AnswerReport report = answer.report();
        out.println(answer.text());
        out.println();
        line(
                "time to first token",
                "%,.0f ms (%,.0f ms of it in the queue)",
                report.ttftMillis(),
                report.queueMillis());
        line("prompt", "%,d tokens", report.promptTokens());
        line(
                "answer",
                "%,d tokens, %.1f ms each, %s",
                report.answerTokens(),
                report.perTokenMillis(),
                report.finishReason());
        line(
                "pruned",
                "%.0f %% of the prompt's work by token and layer, %.0f %% of the FLOPs",
                100 * report.prunedShare(),
                100 * report.flopsSavedShare());
        for (AnswerReport.Stage stage : report.stages()) {
            line(
                    "layers %d-%d".formatted(stage.firstLayer(), stage.lastLayer()),
                    "%,d tokens in %,d blocks",
                    stage.liveTokens(),
                    stage.keptBlocks());
        }
        line("sources", "%s", sources(answer));
    }

    private void line(String name, String format, Object... values) {
        out.println("%-20s  %s".formatted(name, String.format(Locale.ENGLISH, format, values)));
    }

    /** Files with their number of passages, the file of the best passage first. */
    private static String sources(Answer answer) {
        Map<String, Integer> passages = new LinkedHashMap<>();
        answer.sources().forEach(source -> passages.merge(source.file(), 1, Integer::sum));
        return passages.entrySet().stream()
                .map(file -> file.getKey() + " (" + file.getValue() + ")")
                .collect(Collectors.joining(", "));
    }
}
