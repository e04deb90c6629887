package io.sliminfer.text.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Python's {@code str()} and {@code repr()}. Characters that neither template nor data wrote (quotes, digits) are not trusted. */
final class Printer {

    private static final int NESTING_MAX = 100;

    private final Budget budget;
    private final TextBuilder out = new TextBuilder();

    private Printer(Budget budget) {
        this.budget = budget;
    }

    /** The value as {@code {{ value }}} prints it. */
    static Text str(@Nullable Object value, Budget budget) {
        if (value instanceof Text text) {
            return text;
        }
        if (value instanceof Undefined) {
            return Text.EMPTY;
        }
        Printer printer = new Printer(budget);
        printer.repr(value, 0);
        return printer.out.toText();
    }

    private void repr(@Nullable Object value, int depth) {
        if (depth > NESTING_MAX) {
            throw new TemplateException("a value is nested deeper than " + NESTING_MAX);
        }
        budget.spend(8);
        if (value == null) {
            out.append("None");
        } else if (value instanceof Text text) {
            repr(text);
        } else if (Numbers.isNumber(value)) {
            out.append(Numbers.text(value));
        } else if (value instanceof Range range) {
            out.append("range(" + range.size() + ")");
        } else if (value instanceof List<?> list) {
            items("[", list, "]", depth);
        } else if (value instanceof Tuple tuple) {
            items("(", tuple.items(), tuple.items().size() == 1 ? ",)" : ")", depth);
        } else if (value instanceof Map<?, ?> map) {
            map(map, depth);
        } else if (value instanceof DictView view) {
            out.append(view.kind() + "(");
            items("[", view.items(), "]", depth);
            out.append(")");
        } else if (value instanceof Namespace namespace) {
            out.append("<Namespace ");
            map(namespace.attributes(), depth);
            out.append(">");
        } else if (value instanceof Undefined) {
            out.append("Undefined");
        } else {
            throw new TemplateException(
                    Values.typeName(value) + " cannot be printed; does a '| list' or a call's '()' miss?");
        }
    }

    private void items(String open, List<?> items, String close, int depth) {
        out.append(open);
        for (int i = 0; i < items.size(); i++) {
            out.append(i > 0 ? ", " : "");
            repr(items.get(i), depth + 1);
        }
        out.append(close);
    }

    private void map(Map<?, ?> map, int depth) {
        out.append("{");
        String separator = "";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            out.append(separator);
            repr(entry.getKey(), depth + 1);
            out.append(": ");
            repr(entry.getValue(), depth + 1);
            separator = ", ";
        }
        out.append("}");
    }

    private void repr(Text text) {
        String chars = text.chars();
        budget.spend(chars.length());
        char quote = chars.indexOf('\'') >= 0 && chars.indexOf('"') < 0 ? '"' : '\'';
        out.append(String.valueOf(quote));
        for (int i = 0; i < chars.length(); ) {
            int c = chars.codePointAt(i);
            int next = i + Character.charCount(c);
            String escape = escape(c, quote);
            if (escape == null) {
                out.append(text, i, next);
            } else {
                out.append(escape);
            }
            i = next;
        }
        out.append(String.valueOf(quote));
    }

    private static @Nullable String escape(int c, char quote) {
        if (c == quote || c == '\\') {
            return "\\" + (char) c;
        }
        switch (c) {
            case '\n':
                return "\\n";
            case '\r':
                return "\\r";
            case '\t':
                return "\\t";
            default:
                if (isPrintable(c)) {
                    return null;
                }
                return c < 0x100
                        ? String.format("\\x%02x", c)
                        : c < 0x10000 ? String.format("\\u%04x", c) : String.format("\\U%08x", c);
        }
    }

    private static boolean isPrintable(int c) {
        switch (Character.getType(c)) {
            case Character.CONTROL:
            case Character.FORMAT:
            case Character.SURROGATE:
            case Character.PRIVATE_USE:
            case Character.UNASSIGNED:
            case Character.LINE_SEPARATOR:
            case Character.PARAGRAPH_SEPARATOR:
                return false;
            case Character.SPACE_SEPARATOR:
                return c == ' ';
            default:
                return true;
        }
    }
}
