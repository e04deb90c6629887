package io.sliminfer.text.jinja;

import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The functions that every chat template may call. */
final class Functions {

    private Functions() {}

    static Map<String, @Nullable Object> globals(Supplier<ZonedDateTime> now) {
        Map<String, @Nullable Object> globals = new HashMap<>();
        put(globals, "range", (frame, arguments) -> range(arguments));
        put(globals, "dict", (frame, arguments) -> dict(arguments, frame));
        put(globals, "namespace", (frame, arguments) -> {
            Namespace namespace = new Namespace();
            dict(arguments, frame)
                    .forEach((name, value) -> namespace.attributes().put(String.valueOf(name), value));
            return namespace;
        });
        put(globals, "raise_exception", (frame, arguments) -> {
            Object message = arguments.bind("raise_exception", "message").get(0);
            throw new TemplateRefusal(Printer.str(message, frame.budget()).chars());
        });
        put(globals, "strftime_now", (frame, arguments) -> {
            String format = arguments.bind("strftime_now", "format").text(0).chars();
            return Text.untrusted(TimeFormat.format(format, now.get()));
        });
        return globals;
    }

    private static void put(Map<String, @Nullable Object> globals, String name, Callable function) {
        globals.put(name, function);
    }

    private static Range range(Arguments arguments) {
        Bound bound = arguments.bind("range", "start", "stop", "step");
        bound.get(0);
        return bound.has(1)
                ? new Range(bound.integer(0, 0), bound.integer(1, 0), bound.integer(2, 1))
                : new Range(0, bound.integer(0, 0), 1);
    }

    private static Map<@Nullable Object, @Nullable Object> dict(Arguments arguments, Frame frame) {
        Map<@Nullable Object, @Nullable Object> dict = new LinkedHashMap<>();
        if (arguments.positional().size() > 1) {
            throw new TemplateException("dict() and namespace() take at most one argument without name");
        }
        for (Object source : arguments.positional()) {
            if (source instanceof Map<?, ?> map) {
                dict.putAll(map);
            } else {
                for (Iterator<@Nullable Object> pairs = Values.iterator(source, frame.budget()); pairs.hasNext(); ) {
                    List<@Nullable Object> pair = Values.items(pairs.next(), frame.budget());
                    if (pair.size() != 2) {
                        throw new TemplateException("dict() needs pairs");
                    }
                    dict.put(Values.key(pair.get(0)), pair.get(1));
                }
            }
        }
        arguments.named().forEach((name, value) -> dict.put(Text.trusted(name), value));
        frame.budget().spendElements(dict.size());
        return dict;
    }
}
