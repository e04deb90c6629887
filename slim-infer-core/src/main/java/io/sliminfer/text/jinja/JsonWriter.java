package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The filter {@code tojson} as transformers sets it up: Python's {@code json.dumps}, not escaped for HTML. */
final class JsonWriter {

    private static final int NESTING_MAX = 100;

    private final TextBuilder out = new TextBuilder();
    private final Budget budget;
    private final boolean ascii;
    private final @Nullable String indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean sortKeys;

    private JsonWriter(
            Budget budget,
            boolean ascii,
            @Nullable String indent,
            String itemSeparator,
            String keySeparator,
            boolean sortKeys) {
        this.budget = budget;
        this.ascii = ascii;
        this.indent = indent;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
        this.sortKeys = sortKeys;
    }

    static Text filter(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys");
        String indent = bound.isNone(1) ? null : indent(bound);
        String itemSeparator = indent == null ? ", " : ",";
        String keySeparator = ": ";
        if (!bound.isNone(2)) {
            List<?> separators = Values.items(bound.get(2), frame.budget());
            if (separators.size() != 2) {
                throw new TemplateException("tojson: separators must be two strings");
            }
            itemSeparator = String.valueOf(separators.get(0));
            keySeparator = String.valueOf(separators.get(1));
        }
        JsonWriter writer = new JsonWriter(
                frame.budget(), bound.flag(0, false), indent, itemSeparator, keySeparator, bound.flag(3, false));
        writer.write(value, 0);
        return writer.out.toText();
    }

    private static String indent(Bound bound) {
        return bound.get(1) instanceof Text text
                ? text.chars()
                : " ".repeat((int) Math.max(0, Math.min(100, bound.integer(1, 0))));
    }

    private void write(@Nullable Object value, int depth) {
        if (depth > NESTING_MAX) {
            throw new TemplateException("tojson: the value is nested deeper than " + NESTING_MAX);
        }
        budget.spend(8);
        if (value == null) {
            out.append("null");
        } else if (value instanceof Text text) {
            write(text);
        } else if (Numbers.isNumber(value)) {
            out.append(number(value));
        } else if (value instanceof List<?> list) {
            writeItems(list, depth);
        } else if (value instanceof Tuple tuple) {
            writeItems(tuple.items(), depth);
        } else if (value instanceof Map<?, ?> map) {
            writeMap(map, depth);
        } else {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : new TemplateException(Values.typeName(value) + " cannot be written as JSON");
        }
    }

    private static String number(Object number) {
        if (number instanceof Boolean flag) {
            return flag ? "true" : "false";
        }
        if (number instanceof Double real && (real.isNaN() || real.isInfinite())) {
            return real.isNaN() ? "NaN" : real > 0 ? "Infinity" : "-Infinity";
        }
        return Numbers.text(number);
    }

    private void writeItems(List<?> items, int depth) {
        out.append("[");
        for (int i = 0; i < items.size(); i++) {
            out.append(i > 0 ? itemSeparator : "");
            newLine(depth + 1);
            write(items.get(i), depth + 1);
        }
        if (!items.isEmpty()) {
            newLine(depth);
        }
        out.append("]");
    }

    private void writeMap(Map<?, ?> map, int depth) {
        List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
        if (sortKeys) {
            entries.sort((a, b) -> Values.compare(a.getKey(), b.getKey(), budget));
        }
        out.append("{");
        for (int i = 0; i < entries.size(); i++) {
            out.append(i > 0 ? itemSeparator : "");
            newLine(depth + 1);
            writeKey(entries.get(i).getKey());
            out.append(keySeparator);
            write(entries.get(i).getValue(), depth + 1);
        }
        if (!entries.isEmpty()) {
            newLine(depth);
        }
        out.append("}");
    }

    private void writeKey(@Nullable Object key) {
        if (key instanceof Text text) {
            write(text);
        } else if (key == null || Numbers.isNumber(key)) {
            out.append("\"" + (key == null ? "null" : number(key)) + "\"");
        } else {
            throw new TemplateException("tojson: keys must be strings, numbers, booleans or None");
        }
    }

    private void newLine(int depth) {
        if (indent != null) {
            budget.spend((long) indent.length() * depth + 1);
            out.append("\n" + indent.repeat(depth));
        }
    }

    private void write(Text text) {
        String chars = text.chars();
        budget.spend(chars.length());
        out.append("\"");
        int done = 0;
        for (int i = 0; i < chars.length(); i++) {
            String escape = escape(chars.charAt(i));
            if (escape != null) {
                out.append(text, done, i).append(escape);
                done = i + 1;
            }
        }
        out.append(text, done, chars.length()).append("\"");
    }

    private @Nullable String escape(char c) {
        switch (c) {
            case '"':
                return "\\\"";
            case '\\':
                return "\\\\";
            case '\n':
                return "\\n";
            case '\r':
                return "\\r";
            case '\t':
                return "\\t";
            case '\b':
                return "\\b";
            case '\f':
                return "\\f";
            default:
                return c < 0x20 || (ascii && c > 0x7e) ? String.format("\\u%04x", (int) c) : null;
        }
    }
}
