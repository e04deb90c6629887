package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.quality.score.Metric;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads our own evaluation format: one JSON object a line with {@code messages}, {@code expected}, {@code task}, {@code length}, and
 * optionally {@code id}, {@code metric} and {@code max_tokens}. Described in {@code docs/quality.md}.
 */
public final class CaseFile {

    private static final int MAX_TOKENS_DEFAULT = 64;

    private CaseFile() {}

    /**
     * @throws IllegalArgumentException naming file, line and field if a line cannot be used
     */
    public static List<EvalCase> read(Path file) {
        List<EvalCase> cases = new ArrayList<>();
        Map<String, Integer> lineOfId = new LinkedHashMap<>();
        for (JsonLine line : JsonLine.read(file)) {
            EvalCase parsed = parse(line, file);
            Integer earlier = lineOfId.putIfAbsent(parsed.id(), line.number());
            if (earlier != null) {
                throw line.wrong("id", "\"" + parsed.id() + "\" is also that of line " + earlier);
            }
            cases.add(parsed);
        }
        if (cases.isEmpty()) {
            throw new IllegalArgumentException(file + " has no cases: give one JSON object a line");
        }
        return cases;
    }

    private static EvalCase parse(JsonLine line, Path file) {
        String task = line.text("task");
        int length = line.integer("length");
        List<Turn> turns = new ArrayList<>();
        for (JsonLine message : line.objects("messages")) {
            String role = message.text("role");
            if (!Turn.ROLES.contains(role)) {
                throw message.wrong("role", "is \"" + role + "\"; use system, user or assistant");
            }
            turns.add(new Turn(role, message.text("content")));
        }
        if (!turns.get(turns.size() - 1).role().equals("user")) {
            throw line.wrong("messages", "must end with a message of the user");
        }
        return new EvalCase(
                line.textOr("id", file.getFileName() + ":" + line.number()),
                task,
                length,
                turns,
                line.texts("expected"),
                metric(line),
                List.of(),
                line.has("max_tokens") ? line.integer("max_tokens") : MAX_TOKENS_DEFAULT,
                false,
                Map.of("line", line.number()));
    }

    private static Metric metric(JsonLine line) {
        String label = line.textOr("metric", Metric.CONTAINS.label());
        if (label.equals(Metric.CLASSIFICATION.label())) {
            throw line.wrong("metric", "classification needs the classes of a LongBench file: use --longbench");
        }
        try {
            return Metric.of(label);
        } catch (IllegalArgumentException e) {
            throw line.wrong("metric", "cannot be used: " + e.getMessage());
        }
    }
}
