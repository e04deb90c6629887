package io.sliminfer.text.jinja;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** {@code '%s' % value} and {@code '{}'.format(value)} in their plain forms; a form that is not supported is an error. */
final class Formats {

    private static final Pattern PERCENT = Pattern.compile("%(-?)(0?)(\\d{0,3})(?:\\.(\\d{1,2}))?([a-zA-Z%])");
    private static final Pattern BRACES = Pattern.compile("\\{\\{|\\}\\}|\\{(\\w*)\\}|[{}]");

    private Formats() {}

    static Text percent(Text format, List<?> values, Budget budget) {
        TextBuilder out = new TextBuilder();
        int done = 0;
        int used = 0;
        for (int at = format.chars().indexOf('%'); at >= 0; at = format.chars().indexOf('%', done)) {
            Matcher spec = PERCENT.matcher(format.chars()).region(at, format.length());
            if (!spec.lookingAt()) {
                throw new TemplateException(
                        "unsupported format at '" + format.slice(at, Math.min(at + 5, format.length())) + "'");
            }
            out.append(format, done, at);
            done = spec.end();
            if (spec.group(5).equals("%")) {
                out.append(format, at, at + 1);
                continue;
            }
            if (used == values.size()) {
                throw new TemplateException("not enough arguments for the format string");
            }
            Text value = padded(spec, percentValue(spec, values.get(used++), budget));
            budget.spend(value.length() + 1L);
            out.append(value);
        }
        if (used < values.size()) {
            throw new TemplateException("not all arguments were used by the format string");
        }
        return out.append(format, done, format.length()).toText();
    }

    private static Text percentValue(Matcher spec, @Nullable Object value, Budget budget) {
        String precision = spec.group(4);
        switch (spec.group(5)) {
            case "s":
                Text text = Printer.str(value, budget);
                return precision == null
                        ? text
                        : text.slice(0, text.offset(Math.min(text.codePoints(), Integer.parseInt(precision))));
            case "d":
            case "i":
                return Text.untrusted(
                        value instanceof Double real ? "" + (long) real.doubleValue() : "" + Numbers.integer(value));
            case "x":
                return Text.untrusted(Long.toString(Numbers.integer(value), 16));
            case "f":
                int digits = precision == null ? 6 : Integer.parseInt(precision);
                return Text.untrusted(String.format(Locale.ROOT, "%." + digits + "f", Numbers.real(value)));
            default:
                throw new TemplateException("unsupported format '" + spec.group() + "'");
        }
    }

    private static Text padded(Matcher spec, Text text) {
        int width = spec.group(3).isEmpty() ? 0 : Integer.parseInt(spec.group(3));
        int missing = width - text.codePoints();
        if (missing <= 0) {
            return text;
        }
        if (!spec.group(1).isEmpty()) {
            return text.plus(Text.trusted(" ".repeat(missing)));
        }
        boolean zeros = !spec.group(2).isEmpty() && !spec.group(5).equals("s");
        if (zeros && text.chars().startsWith("-")) {
            return Text.untrusted("-" + "0".repeat(missing) + text.chars().substring(1));
        }
        return Text.trusted((zeros ? "0" : " ").repeat(missing)).plus(text);
    }

    static Text braces(Text format, Arguments arguments, Budget budget) {
        TextBuilder out = new TextBuilder();
        Matcher field = BRACES.matcher(format.chars());
        int done = 0;
        int next = 0;
        while (field.find()) {
            out.append(format, done, field.start());
            done = field.end();
            String name = field.group(1);
            if (field.group().length() == 1) {
                throw new TemplateException("format(): only {}, {0} and {name} are supported");
            }
            if (name == null) {
                out.append(format, field.start(), field.start() + 1);
                continue;
            }
            Object value;
            if (name.isEmpty() || Character.isDigit(name.charAt(0))) {
                int index = name.isEmpty() ? next++ : name.length() < 4 ? Integer.parseInt(name) : Integer.MAX_VALUE;
                if (index >= arguments.positional().size()) {
                    throw new TemplateException("format(): there is no argument " + index);
                }
                value = arguments.positional().get(index);
            } else if (arguments.named().containsKey(name)) {
                value = arguments.named().get(name);
            } else {
                throw new TemplateException("format(): there is no argument '" + name + "'");
            }
            Text text = Printer.str(value, budget);
            budget.spend(text.length() + 1L);
            out.append(text);
        }
        return out.append(format, done, format.length()).toText();
    }
}
