package io.sliminfer.benchmarks.report;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes and reads results: one JSON object a line, each with a {@code type}. A line is on the disk before the next measurement
 * starts, so that a run that is stopped half-way leaves what it had. One thread.
 */
public final class JsonLines implements AutoCloseable {

    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private final PrintStream out;
    private final boolean closes;

    private JsonLines(PrintStream out, boolean closes) {
        this.out = out;
        this.closes = closes;
    }

    /** Appends to today's results of a benchmark on a model, {@code folder/BENCHMARK-MODEL-DATE.jsonl}. */
    public static JsonLines appendTo(Path folder, String benchmark, String model) {
        return appendTo(folder.resolve(benchmark + "-" + model + "-" + LocalDate.now(ZoneOffset.UTC) + ".jsonl"));
    }

    /** Appends to a file; it and its folders are made if missing. */
    public static JsonLines appendTo(Path file) {
        try {
            Path folder = file.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
            return new JsonLines(
                    new PrintStream(
                            Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND),
                            true,
                            StandardCharsets.UTF_8),
                    true);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be written: " + e.getMessage(), e);
        }
    }

    /** Writes to a stream that stays open. */
    public static JsonLines to(PrintStream out) {
        return new JsonLines(out, false);
    }

    /** Writes one line; keys keep the map's order. */
    public void write(Map<String, ?> line) {
        out.println(text(line));
        // A full disk would otherwise go unnoticed until somebody reads the results.
        if (out.checkError()) {
            throw new IllegalStateException("a line of results could not be written: is the disk full?");
        }
    }

    /** A line without its end. */
    public static String text(Map<String, ?> line) {
        return MAPPER.writeValueAsString(line);
    }

    /** What reading the line would give. */
    public static JsonNode node(Map<String, ?> line) {
        return MAPPER.valueToTree(line);
    }

    /**
     * The object in a text.
     *
     * @throws IllegalArgumentException if it is not JSON
     */
    public static JsonNode parse(String text) {
        try {
            return MAPPER.readTree(text);
        } catch (JacksonException e) {
            throw new IllegalArgumentException("not JSON: " + e.getOriginalMessage() + ": " + text, e);
        }
    }

    /**
     * All lines of a file; empty ones are skipped.
     *
     * @throws IllegalArgumentException naming file and line if one is not a JSON object with a {@code type}
     */
    public static List<JsonNode> read(Path file) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new IllegalArgumentException(file + " cannot be read: " + e, e);
        }
        List<JsonNode> nodes = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).isBlank()) {
                nodes.add(parse(file, i + 1, lines.get(i)));
            }
        }
        return nodes;
    }

    private static JsonNode parse(Path file, int number, String line) {
        JsonNode node;
        try {
            node = MAPPER.readTree(line);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(file + " line " + number + " is not JSON: " + e.getOriginalMessage(), e);
        }
        if (!node.isObject() || !node.path("type").isString()) {
            throw new IllegalArgumentException(
                    file + " line " + number + " is not a line of results: a JSON object with a \"type\" is expected");
        }
        return node;
    }

    @Override
    public void close() {
        if (closes) {
            out.close();
        }
    }
}
