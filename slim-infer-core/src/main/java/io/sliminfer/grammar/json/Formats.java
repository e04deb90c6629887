package io.sliminfer.grammar.json;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The values of {@code format} for strings, as regular expressions. Each lets in only what its RFC does, and where the RFC lets in
 * more than programs read, what they read: docs/structured-output.md lists them.
 */
final class Formats {

    private static final String YEAR = "[0-9]{4}";
    private static final String LEAP_YEAR =
            "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
    private static final String DATE = "(?:" + YEAR
            + "-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|"
            + LEAP_YEAR + "-02-29)";
    private static final String CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?";
    /** Not {@code -00:00}, which says that the offset is not known and not every reader takes. */
    private static final String OFFSET = "(?:Z|\\+(?:(?:0[0-9]|1[0-7]):[0-5][0-9]|18:00)"
            + "|-(?:00:(?:0[1-9]|[1-5][0-9])|(?:0[1-9]|1[0-7]):[0-5][0-9]|18:00))";

    private static final String TIME_PART =
            "T(?:[0-9]{1,9}H(?:[0-9]{1,9}M(?:[0-9]{1,9}S)?)?|[0-9]{1,9}M(?:[0-9]{1,9}S)?|[0-9]{1,9}S)";
    private static final String LABEL = "[A-Za-z0-9](?:[A-Za-z0-9]{0,20}(?:-[A-Za-z0-9]{1,20})?)";
    private static final String HOST = LABEL + "(?:\\." + LABEL + "){0,3}";
    private static final String OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    private static final String IPV4 = OCTET + "(?:\\." + OCTET + "){3}";
    private static final String H = "[0-9A-Fa-f]{1,4}";
    private static final String IPV6 =
            "(?:(?:H:){7}H|(?:H:){1,7}:|(?:H:){1,6}:H|(?:H:){1,5}(?::H){1,2}|(?:H:){1,4}(?::H){1,3}"
                    + "|(?:H:){1,3}(?::H){1,4}|(?:H:){1,2}(?::H){1,5}|H:(?::H){1,6}|:(?:(?::H){1,7}|:))";
    private static final String ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}";
    private static final String PATH_CHARACTER = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
    private static final String TAIL = "(?:/" + PATH_CHARACTER + "*)*(?:\\?(?:" + PATH_CHARACTER + "|[/?])*)?(?:#(?:"
            + PATH_CHARACTER + "|[/?])*)?";
    private static final String NAME = "[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*";
    private static final String URI =
            "[A-Za-z][A-Za-z0-9+.-]*://" + NAME + "(?:\\." + NAME + ")*(?::[1-9][0-9]{0,3})?" + TAIL;

    private static final Map<String, String> EXPRESSIONS = Map.ofEntries(
            Map.entry("date", DATE),
            Map.entry("time", CLOCK + OFFSET),
            Map.entry("date-time", DATE + "T" + CLOCK + OFFSET),
            Map.entry("duration", "P(?:[0-9]{1,9}D(?:" + TIME_PART + ")?|" + TIME_PART + ")"),
            Map.entry("uuid", "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"),
            Map.entry(
                    "email", ATOM + "(?:\\." + ATOM + "){0,2}@" + LABEL + "(?:\\." + LABEL + "){0,2}\\.[A-Za-z]{2,10}"),
            Map.entry("hostname", HOST),
            Map.entry("ipv4", IPV4),
            Map.entry("ipv6", IPV6.replace("H", H)),
            Map.entry("uri", URI),
            Map.entry("uri-reference", "(?:" + URI + "|/(?:" + PATH_CHARACTER + "+)?" + TAIL + ")"));

    private static final Map<String, CharDfa> AUTOMATA = new ConcurrentHashMap<>();

    private Formats() {}

    /** Texts of a format, or null if it is not supported. */
    static @Nullable CharDfa of(String format) {
        String expression = EXPRESSIONS.get(format);
        return expression == null
                ? null
                : AUTOMATA.computeIfAbsent(format, missing -> CharDfa.of(RegexParser.whole(expression)));
    }

    static Set<String> names() {
        return new TreeSet<>(EXPRESSIONS.keySet());
    }
}
