package io.sliminfer.text.jinja;

import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;

/** C's {@code strftime} in English. */
final class TimeFormat {

    private static final Map<String, String> PATTERNS = Map.ofEntries(
            Map.entry("a", "EEE"),
            Map.entry("A", "EEEE"),
            Map.entry("b", "MMM"),
            Map.entry("h", "MMM"),
            Map.entry("B", "MMMM"),
            Map.entry("d", "dd"),
            Map.entry("-d", "d"),
            Map.entry("e", "ppd"),
            Map.entry("D", "MM/dd/yy"),
            Map.entry("F", "yyyy-MM-dd"),
            Map.entry("H", "HH"),
            Map.entry("-H", "H"),
            Map.entry("I", "hh"),
            Map.entry("-I", "h"),
            Map.entry("j", "DDD"),
            Map.entry("m", "MM"),
            Map.entry("-m", "M"),
            Map.entry("M", "mm"),
            Map.entry("-M", "m"),
            Map.entry("p", "a"),
            Map.entry("R", "HH:mm"),
            Map.entry("S", "ss"),
            Map.entry("-S", "s"),
            Map.entry("T", "HH:mm:ss"),
            Map.entry("X", "HH:mm:ss"),
            Map.entry("x", "MM/dd/yy"),
            Map.entry("c", "EEE MMM ppd HH:mm:ss yyyy"),
            Map.entry("y", "yy"),
            Map.entry("Y", "yyyy"),
            Map.entry("z", "xx"),
            Map.entry("Z", "zzz"));

    private TimeFormat() {}

    static String format(String format, ZonedDateTime time) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%') {
                text.append(c);
                continue;
            }
            int end = Math.min(format.length(), i + (format.startsWith("-", i + 1) ? 3 : 2));
            String directive = format.substring(i + 1, end);
            if (directive.equals("%")) {
                text.append('%');
            } else if (directive.equals("n") || directive.equals("t")) {
                text.append(directive.equals("n") ? '\n' : '\t');
            } else if (PATTERNS.containsKey(directive)) {
                text.append(DateTimeFormatter.ofPattern(PATTERNS.get(directive), Locale.ENGLISH)
                        .format(time));
            } else {
                throw new TemplateException("strftime_now: '%" + directive + "' is not supported");
            }
            i = end - 1;
        }
        return text.toString();
    }
}
