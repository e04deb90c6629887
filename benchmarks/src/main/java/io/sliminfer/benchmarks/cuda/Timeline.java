package io.sliminfer.benchmarks.cuda;

import io.sliminfer.backend.trace.Span;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.Spread;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * What ran when in which queue, as lines of a file: a line with the title, then one for each bar.
 *
 * @param bars in no particular order
 */
record Timeline(String title, List<Bar> bars) {

    private static final String TYPE = "timeline";
    private static final String BAR = "span";

    /** @param queue as {@link OperationSums#label} names it */
    record Bar(String queue, String operation, double startMicros, double endMicros) {}

    static Bar bar(Span span) {
        return new Bar(OperationSums.label(span.queue()), span.operation(), span.startMicros(), span.endMicros());
    }

    void write(JsonLines lines) {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("type", TYPE);
        header.put("title", title);
        lines.write(header);
        for (Bar bar : bars) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("type", BAR);
            line.put("queue", bar.queue);
            line.put("operation", bar.operation);
            line.put("startMicros", Spread.rounded(bar.startMicros));
            line.put("endMicros", Spread.rounded(bar.endMicros));
            lines.write(line);
        }
    }

    /** @throws IllegalArgumentException if it is no such file */
    static Timeline read(Path file) {
        List<JsonNode> lines = JsonLines.read(file);
        if (lines.isEmpty() || !lines.get(0).path("type").asString().equals(TYPE)) {
            throw new IllegalArgumentException(file + " does not start with a line of type " + TYPE);
        }
        List<Bar> bars = new ArrayList<>();
        for (JsonNode line : lines.subList(1, lines.size())) {
            bars.add(new Bar(
                    line.path("queue").asString(""),
                    line.path("operation").asString(""),
                    line.path("startMicros").asDouble(),
                    line.path("endMicros").asDouble()));
        }
        return new Timeline(lines.get(0).path("title").asString(""), bars);
    }
}
