package io.sliminfer.benchmarks.quality;

import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A line of a JSONL file that a user gives, with its fields checked. Errors are {@link IllegalArgumentException}s that name file,
 * line and field.
 *
 * @param place file and line
 */
public record JsonLine(String place, int number, JsonNode node) {

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /** The objects of a file; empty lines are skipped. */
    public static List<JsonLine> read(Path file) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (MalformedInputException e) {
            throw new IllegalArgumentException(file + " is not UTF-8", e);
        } catch (IOException e) {
            throw new IllegalArgumentException(file + " cannot be read: " + e, e);
        }
        List<JsonLine> objects = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).isBlank()) {
                objects.add(parse(file + ", line " + (i + 1), i + 1, lines.get(i)));
            }
        }
        return objects;
    }

    private static JsonLine parse(String place, int number, String line) {
        JsonNode node;
        try {
            node = MAPPER.readTree(line);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    place + ": is not JSON: "
                            + e.getOriginalMessage().lines().findFirst().orElse("unreadable"),
                    e);
        }
        if (!node.isObject()) {
            throw new IllegalArgumentException(place + ": holds no JSON object");
        }
        return new JsonLine(place, number, node);
    }

    public boolean has(String name) {
        return node.hasNonNull(name);
    }

    public String text(String name) {
        if (!node.path(name).isString()) {
            throw wrong(name, has(name) ? "must be a string" : "is missing; a string is expected");
        }
        return node.path(name).stringValue();
    }

    public String textOr(String name, String absent) {
        return has(name) ? text(name) : absent;
    }

    /** A whole number, 1 or more. */
    public int integer(String name) {
        JsonNode value = node.path(name);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
            throw wrong(name, has(name) ? "must be a whole number of 1 or more" : "is missing; a number is expected");
        }
        return value.intValue();
    }

    /** A list of strings with at least one. */
    public List<String> texts(String name) {
        List<String> texts = new ArrayList<>();
        for (JsonNode text : list(name, "strings")) {
            if (!text.isString()) {
                throw wrong(name, "must be a list of strings");
            }
            texts.add(text.stringValue());
        }
        return texts;
    }

    /** A list of objects with at least one. */
    public List<JsonLine> objects(String name) {
        List<JsonLine> objects = new ArrayList<>();
        for (JsonNode object : list(name, "objects")) {
            if (!object.isObject()) {
                throw wrong(name, "must be a list of objects");
            }
            objects.add(new JsonLine(place + ", " + name + "[" + objects.size() + "]", number, object));
        }
        return objects;
    }

    private JsonNode list(String name, String of) {
        JsonNode list = node.path(name);
        if (!list.isArray() || list.isEmpty()) {
            throw wrong(
                    name,
                    has(name)
                            ? "must be a list of " + of + " with at least one"
                            : "is missing; a list of " + of + " is expected");
        }
        return list;
    }

    public IllegalArgumentException wrong(String name, String what) {
        return new IllegalArgumentException(place + ": " + name + " " + what);
    }
}
