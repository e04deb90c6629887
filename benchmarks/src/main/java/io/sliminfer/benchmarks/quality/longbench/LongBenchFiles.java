package io.sliminfer.benchmarks.quality.longbench;

import io.sliminfer.benchmarks.quality.EvalCase;
import io.sliminfer.benchmarks.quality.JsonLine;
import io.sliminfer.benchmarks.quality.PromptTokens;
import io.sliminfer.benchmarks.quality.Turn;
import io.sliminfer.benchmarks.quality.score.Metric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Reads LongBench's published files: {@code TASK.jsonl} with {@code input}, {@code context}, {@code answers}, {@code all_classes}. */
public final class LongBenchFiles {

    private final PromptTokens tokens;
    private final Prompts prompts;
    private final int positions;

    /** @param positions prompt and answer together, in tokens: what the model can take or less */
    public LongBenchFiles(PromptTokens tokens, Prompts prompts, int positions) {
        this.prompts = prompts;
        this.tokens = tokens;
        this.positions = positions;
    }

    /**
     * The cases of one file, or of all {@code .jsonl} files of a folder in the order of their names.
     *
     * @param tasks names of the tasks to take; empty for all that are there
     * @param count most cases of each file; 0 for all
     * @throws IllegalArgumentException naming the file, and line and field if one cannot be used
     */
    public List<EvalCase> read(Path path, List<String> tasks, int count) {
        tasks.forEach(LongBenchFiles::task);
        List<EvalCase> cases = new ArrayList<>();
        for (Path file : files(path)) {
            String name = file.getFileName().toString().replaceFirst("\\.jsonl$", "");
            LongBenchTask task = LongBenchTask.of(name)
                    .orElseThrow(() ->
                            new IllegalArgumentException(file + " is named after no task of LongBench: " + names()));
            if (tasks.isEmpty() || tasks.contains(task.label())) {
                List<JsonLine> lines = JsonLine.read(file);
                lines.subList(0, count == 0 ? lines.size() : Math.min(count, lines.size()))
                        .forEach(line -> cases.add(parse(line, task)));
            }
        }
        if (cases.isEmpty()) {
            throw new IllegalArgumentException(
                    path + " has no LongBench cases" + (tasks.isEmpty() ? "" : " of " + tasks)
                            + ": files named TASK.jsonl are expected, such as hotpotqa.jsonl");
        }
        return cases;
    }

    private static LongBenchTask task(String label) {
        return LongBenchTask.of(label)
                .orElseThrow(() ->
                        new IllegalArgumentException("task \"" + label + "\" is not one of LongBench: " + names()));
    }

    private static String names() {
        return Arrays.stream(LongBenchTask.values())
                .map(LongBenchTask::label)
                .collect(Collectors.joining(", ", "use ", ""));
    }

    private static List<Path> files(Path path) {
        if (!Files.isDirectory(path)) {
            return List.of(path);
        }
        try (Stream<Path> files = Files.list(path)) {
            return files.filter(file -> file.toString().endsWith(".jsonl"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new IllegalArgumentException(path + " cannot be read: " + e, e);
        }
    }

    private EvalCase parse(JsonLine line, LongBenchTask task) {
        List<String> classes = task.metric() == Metric.CLASSIFICATION ? line.texts("all_classes") : List.of();
        List<String> answers = line.texts("answers");
        int limit = positions - task.maxTokens();
        MiddleTruncation.Truncated prompt =
                MiddleTruncation.fit(prompts.fill(task, line.text("context"), line.text("input")), limit, tokens);
        Map<String, Object> notes = new LinkedHashMap<>();
        notes.put("line", line.number());
        notes.put("truncated", prompt.isCut());
        notes.put("tokensBeforeTruncation", prompt.before());
        notes.put("tokensKept", prompt.after());
        EvalCase parsed = new EvalCase(
                task.label() + "-" + line.textOr("_id", Integer.toString(line.number())),
                task.label(),
                sizeClass(prompt.after() + task.maxTokens()),
                List.of(Turn.user(prompt.text())),
                answers,
                task.metric(),
                classes,
                task.maxTokens(),
                task.firstLine(),
                notes);
        refuseUnusableAnswers(line, parsed);
        return parsed;
    }

    /** A metric that cannot read the expected answers says so now, not after the model has answered. */
    private static void refuseUnusableAnswers(JsonLine line, EvalCase parsed) {
        try {
            parsed.metric().score("", parsed.expected(), parsed.classes());
        } catch (IllegalArgumentException e) {
            throw line.wrong("answers", "cannot be used: " + e.getMessage());
        }
    }

    /** The next power of two from 1,024 on: lengths by which results are summed up. */
    private static int sizeClass(int tokens) {
        return Math.max(1024, Integer.highestOneBit(Math.max(1, tokens - 1)) * 2);
    }
}
