package io.sliminfer.benchmarks.report;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** The lines of one run: its header and what follows up to the next one's. */
public record RunLines(JsonNode header, List<JsonNode> lines) {

    /**
     * All runs in the lines, in their order.
     *
     * @throws IllegalArgumentException if a run is another benchmark's or was stopped before its summary
     */
    public static List<RunLines> split(List<JsonNode> lines, String benchmark) {
        List<RunLines> runs = new ArrayList<>();
        List<JsonNode> run = new ArrayList<>();
        for (JsonNode line : lines) {
            if (type(line).equals(RunHeader.TYPE) && !run.isEmpty()) {
                runs.add(of(run, benchmark));
                run.clear();
            }
            run.add(line);
        }
        if (run.isEmpty()) {
            throw new IllegalArgumentException("there are no results in it");
        }
        runs.add(of(run, benchmark));
        return runs;
    }

    private static RunLines of(List<JsonNode> lines, String benchmark) {
        JsonNode header = lines.get(0);
        if (!type(header).equals(RunHeader.TYPE)
                || !header.path("benchmark").asString("").equals(benchmark)) {
            throw new IllegalArgumentException(
                    "the results do not start with a line of type " + RunHeader.TYPE + " and benchmark " + benchmark);
        }
        RunLines run = new RunLines(header, List.copyOf(lines.subList(1, lines.size())));
        if (run.ofType("summary").isEmpty()) {
            throw new IllegalArgumentException(
                    "the run of " + header.path("date").asString()
                            + " has no summary: it was stopped before its end. Remove its lines or measure again");
        }
        return run;
    }

    /** Lines of this type, in their order. */
    public List<JsonNode> ofType(String type) {
        return lines.stream().filter(line -> type(line).equals(type)).toList();
    }

    private static String type(JsonNode line) {
        return line.path("type").asString("");
    }

    /** For people, in four lines: model and backend, machine, date and command, rounds and schedule. */
    public String describe() {
        JsonNode machine = header.path("machine");
        JsonNode backend = header.path("backend");
        return "%s (%s parameters, %s), %s: %s.\n"
                        .formatted(
                                header.path("model").asString(),
                                Cells.count(header.path("parameters").asLong()),
                                header.path("modelDtype").asString(),
                                backend.path("name").asString(),
                                backend.path("description").asString())
                + Machine.describe(
                        machine.path("cpu").asString(),
                        machine.path("cores").asInt(),
                        machine.path("memoryBytes").asLong(),
                        machine.path("os").asString())
                + "; "
                + machine.path("jvm").asString()
                + ".\n"
                + "%s, commit %s: `java -jar slim-infer-benchmarks.jar %s`.\n"
                        .formatted(
                                header.path("date").asString().replaceAll("T.*", ""),
                                header.path("commit").asString().replaceAll("^([0-9a-f]{10})[0-9a-f]{30}", "$1"),
                                header.path("command").asString())
                + "Rounds: %d; medians (lowest-highest). Pruned: %s.\n\n"
                        .formatted(
                                header.path("rounds").asInt(),
                                header.path("schedule").asString());
    }
}
