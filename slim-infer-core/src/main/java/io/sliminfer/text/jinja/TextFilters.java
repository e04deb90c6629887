package io.sliminfer.text.jinja;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters that take and give text. Other values are printed first. */
final class TextFilters {

    private TextFilters() {}

    static void addTo(Map<String, Filter> filters) {
        filters.put("string", (value, arguments, frame) -> {
            arguments.bind("string");
            return Printer.str(value, frame.budget());
        });
        filters.put("trim", (value, arguments, frame) -> {
            Bound bound = arguments.bind("trim", "chars");
            Text text = Printer.str(value, frame.budget());
            return bound.isNone(0) ? Texts.strip(text, null, true, true) : Texts.strip(text, bound.text(0), true, true);
        });
        for (String method : new String[] {"upper", "lower", "capitalize"}) {
            filters.put(method, (value, arguments, frame) -> method(method, value, arguments, frame));
        }
        filters.put("title", TextFilters::title);
        filters.put("replace", TextFilters::replace);
        filters.put("indent", TextFilters::indent);
        filters.put("center", (value, arguments, frame) -> {
            long width = arguments.bind("center", "width").integer(0, 80);
            return method("center", value, Arguments.of(width), frame);
        });
        filters.put("format", (value, arguments, frame) -> {
            Text format = Printer.str(value, frame.budget());
            if (!arguments.named().isEmpty()) {
                throw new TemplateException("format: arguments by name are not supported");
            }
            return Formats.percent(format, arguments.positional(), frame.budget());
        });
        filters.put("truncate", TextFilters::truncate);
        filters.put("wordcount", (value, arguments, frame) -> {
            arguments.bind("wordcount");
            String chars = Printer.str(value, frame.budget()).chars();
            long words = 0;
            boolean inside = false;
            for (int i = 0; i < chars.length(); i++) {
                boolean letter = Character.isLetterOrDigit(chars.charAt(i)) || chars.charAt(i) == '_';
                words += letter && !inside ? 1 : 0;
                inside = letter;
            }
            return words;
        });
        filters.put("escape", TextFilters::escape);
        filters.put("e", TextFilters::escape);
        filters.put("forceescape", TextFilters::escape);
        // Templates are rendered without automatic escaping, so there is nothing to be safe from.
        filters.put("safe", (value, arguments, frame) -> Printer.str(value, frame.budget()));
    }

    private static @Nullable Object method(String name, @Nullable Object value, Arguments arguments, Frame frame) {
        Callable method = StringMethods.find(Printer.str(value, frame.budget()), name);
        return java.util.Objects.requireNonNull(method).call(frame, arguments);
    }

    /** Unlike {@code str.title}, words start only after spaces, dashes and opening brackets. */
    private static Text title(@Nullable Object value, Arguments arguments, Frame frame) {
        arguments.bind("title");
        Text text = Printer.str(value, frame.budget());
        TextBuilder titled = new TextBuilder();
        boolean start = true;
        for (int i = 0; i < text.length(); ) {
            int next = i + Character.charCount(text.chars().codePointAt(i));
            Text character = text.slice(i, next);
            titled.append(start ? Texts.upper(character) : Texts.lower(character));
            char c = text.chars().charAt(i);
            start = Whitespace.is(c) || "-({[<".indexOf(c) >= 0;
            i = next;
        }
        return titled.toText();
    }

    private static Text replace(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("replace", "old", "new", "count");
        Text old = Printer.str(bound.get(0), frame.budget());
        Text replacement = Printer.str(bound.get(1), frame.budget());
        return Texts.replace(
                Printer.str(value, frame.budget()), old, replacement, bound.integer(2, -1), frame.budget());
    }

    private static Text indent(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("indent", "width", "first", "blank");
        Text text = Printer.str(value, frame.budget());
        Object width = bound.get(0, 4L);
        Text indentation = width instanceof Text given
                ? given
                : Text.trusted(" ".repeat((int) Math.min(1000, bound.integer(0, 4))));
        boolean blank = bound.flag(2, false);
        TextBuilder indented = new TextBuilder();
        boolean firstLine = true;
        // Jinja adds a newline before it splits, so that a last empty line stays.
        for (Text line : Texts.lines(text.plus(Text.trusted("\n")), false)) {
            if (!firstLine) {
                indented.append("\n", true);
            }
            if (firstLine ? bound.flag(1, false) : blank || !line.isEmpty()) {
                frame.budget().spend(indentation.length());
                indented.append(indentation);
            }
            indented.append(line);
            firstLine = false;
        }
        return indented.toText();
    }

    private static Text truncate(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("truncate", "length", "killwords", "end", "leeway");
        Text text = Printer.str(value, frame.budget());
        Text end = bound.isNone(2) ? Text.trusted("...") : bound.text(2);
        long length = bound.integer(0, 255);
        if (text.codePoints() <= length + bound.integer(3, 5)) {
            return text;
        }
        if (length < end.codePoints()) {
            throw new TemplateException("truncate: length " + length + " is less than that of the end");
        }
        Text kept = text.slice(0, text.offset((int) length - end.codePoints()));
        if (!bound.flag(1, false)) {
            int space = kept.chars().lastIndexOf(' ');
            kept = space < 0 ? kept : kept.slice(0, space);
        }
        return kept.plus(end);
    }

    private static Text escape(@Nullable Object value, Arguments arguments, Frame frame) {
        arguments.bind("escape");
        Text text = Printer.str(value, frame.budget());
        TextBuilder escaped = new TextBuilder();
        for (int i = 0; i < text.length(); i++) {
            switch (text.chars().charAt(i)) {
                case '&':
                    escaped.append("&amp;");
                    break;
                case '<':
                    escaped.append("&lt;");
                    break;
                case '>':
                    escaped.append("&gt;");
                    break;
                case '\'':
                    escaped.append("&#39;");
                    break;
                case '"':
                    escaped.append("&#34;");
                    break;
                default:
                    escaped.append(text, i, i + 1);
            }
        }
        return escaped.toText();
    }
}
