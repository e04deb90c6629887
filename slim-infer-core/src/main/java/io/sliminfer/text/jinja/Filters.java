package io.sliminfer.text.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The filters by name. */
final class Filters {

    private static final Map<String, Filter> BY_NAME = new HashMap<>();

    static {
        TextFilters.addTo(BY_NAME);
        SequenceFilters.addTo(BY_NAME);
        SelectionFilters.addTo(BY_NAME);
        ValueFilters.addTo(BY_NAME);
        BY_NAME.put("tojson", JsonWriter::filter);
    }

    private Filters() {}

    static boolean exists(String name) {
        return BY_NAME.containsKey(name);
    }

    static @Nullable Object apply(String name, @Nullable Object value, Arguments arguments, Frame frame) {
        Filter filter = BY_NAME.get(name);
        if (filter == null) {
            throw new TemplateException("there is no filter named '" + name + "'");
        }
        frame.budget()
                .spend(1
                        + (value instanceof Text text
                                ? text.length()
                                : Values.hasLength(value) ? Values.length(value) : 0));
        return filter.apply(value, arguments, frame);
    }
}
