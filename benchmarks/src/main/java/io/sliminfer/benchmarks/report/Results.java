package io.sliminfer.benchmarks.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** The lines of one run: kept for the table, and written as they come to where the user wants them. One thread. */
public final class Results implements AutoCloseable {

    private final List<JsonLines> sinks;
    private final List<JsonNode> lines = new ArrayList<>();

    public Results(List<JsonLines> sinks) {
        this.sinks = List.copyOf(sinks);
    }

    public void add(Map<String, ?> line) {
        lines.add(JsonLines.node(line));
        sinks.forEach(sink -> sink.write(line));
    }

    public List<JsonNode> lines() {
        return List.copyOf(lines);
    }

    @Override
    public void close() {
        sinks.forEach(JsonLines::close);
    }
}
