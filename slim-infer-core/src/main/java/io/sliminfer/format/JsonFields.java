package io.sliminfer.format;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Fields of a JSON object with their types and ranges checked. A field that is {@code null} counts as absent, unless a method
 * says otherwise.
 */
final class JsonFields {

    private final String file;
    private final String prefix;
    private final JsonNode node;

    /**
     * @param prefix path of this object in its file: empty, or such as {@code "rope_scaling."}
     */
    JsonFields(String file, String prefix, JsonNode node) {
        this.file = file;
        this.prefix = prefix;
        this.node = node;
    }

    String file() {
        return file;
    }

    /** The field's full name in its file. */
    String path(String name) {
        return prefix + name;
    }

    /** Whether the field is there, even as {@code null}. */
    boolean states(String name) {
        return node.has(name);
    }

    /** Whether the field is there with a value. */
    boolean has(String name) {
        return node.hasNonNull(name);
    }

    JsonNode get(String name) {
        return node.path(name);
    }

    Iterable<Map.Entry<String, JsonNode>> fields() {
        return node.properties();
    }

    boolean isEmpty() {
        return node.isEmpty();
    }

    int integer(String name, int absent, int min, int max) {
        if (!has(name)) {
            return absent;
        }
        JsonNode value = get(name);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < min || value.intValue() > max) {
            throw wrong(name, "a whole number from " + min + " to " + max + " is expected");
        }
        return value.intValue();
    }

    /** A finite number. */
    double number(String name, double absent) {
        if (!has(name)) {
            return absent;
        }
        JsonNode value = get(name);
        double number = value.isNumber() ? value.asDouble(Double.NaN) : Double.NaN;
        if (!Double.isFinite(number)) {
            throw wrong(name, "a finite number is expected");
        }
        return number;
    }

    boolean flag(String name, boolean absent) {
        if (!has(name)) {
            return absent;
        }
        if (!get(name).isBoolean()) {
            throw wrong(name, "true or false is expected");
        }
        return get(name).booleanValue();
    }

    @Nullable
    String text(String name) {
        if (!has(name)) {
            return null;
        }
        if (!get(name).isString()) {
            throw wrong(name, "a string is expected");
        }
        return get(name).stringValue();
    }

    /** A list of strings; empty if absent. */
    List<String> texts(String name) {
        List<String> texts = new ArrayList<>();
        if (has(name)) {
            if (!get(name).isArray()) {
                throw wrong(name, "a list of strings is expected");
            }
            for (JsonNode text : get(name)) {
                if (!text.isString()) {
                    throw wrong(name, "a list of strings is expected");
                }
                texts.add(text.stringValue());
            }
        }
        return texts;
    }

    @Nullable
    JsonFields object(String name) {
        if (!has(name)) {
            return null;
        }
        if (!get(name).isObject()) {
            throw wrong(name, "an object is expected");
        }
        return new JsonFields(file, prefix + name + ".", get(name));
    }

    /**
     * An exception such as {@code config.json: hidden_act is "gelu"; supported is silu.}
     *
     * @param rest what is expected or supported and why
     */
    ModelFormatException wrong(String name, String rest) {
        String found = node.has(name) ? "is " + shorten(get(name).toString()) : "is missing";
        return new ModelFormatException(file + ": " + path(name) + " " + found + "; " + rest + ".");
    }

    private static String shorten(String text) {
        return text.length() <= 200 ? text : text.substring(0, 200) + "…";
    }
}
