package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code map}, and {@code select} with its kin. Their results are generators, as in Jinja. */
final class SelectionFilters {

    private SelectionFilters() {}

    static void addTo(Map<String, Filter> filters) {
        filters.put("map", SelectionFilters::map);
        filters.put("select", (value, arguments, frame) -> select(value, arguments, frame, false, true));
        filters.put("reject", (value, arguments, frame) -> select(value, arguments, frame, false, false));
        filters.put("selectattr", (value, arguments, frame) -> select(value, arguments, frame, true, true));
        filters.put("rejectattr", (value, arguments, frame) -> select(value, arguments, frame, true, false));
    }

    private static Object map(@Nullable Object value, Arguments arguments, Frame frame) {
        List<@Nullable Object> mapped = new ArrayList<>();
        Iterator<@Nullable Object> items = Values.iterator(value, frame.budget());
        if (arguments.positional().isEmpty()) {
            Bound bound = arguments.bind("map", "attribute", "default");
            while (items.hasNext()) {
                frame.budget().spendElements(1);
                mapped.add(Attributes.path(items.next(), bound.get(0), bound.get(1, null)));
            }
        } else {
            String filter = name(arguments, "map");
            while (items.hasNext()) {
                frame.budget().spendElements(1);
                mapped.add(Filters.apply(filter, items.next(), arguments.tail(), frame));
            }
        }
        return Generator.of(mapped);
    }

    private static Object select(
            @Nullable Object value, Arguments arguments, Frame frame, boolean byAttribute, boolean wanted) {
        Arguments test = arguments;
        Object attribute = null;
        if (byAttribute) {
            if (arguments.positional().isEmpty()) {
                throw new TemplateException("selectattr and rejectattr need the name of an attribute");
            }
            attribute = arguments.positional().get(0);
            test = arguments.tail();
        }
        List<@Nullable Object> selected = new ArrayList<>();
        for (Iterator<@Nullable Object> items = Values.iterator(value, frame.budget()); items.hasNext(); ) {
            Object item = items.next();
            frame.budget().spendElements(1);
            Object tested = byAttribute ? Attributes.path(item, attribute) : item;
            boolean holds = test.positional().isEmpty()
                    ? Values.isTrue(tested)
                    : Conditions.holds(name(test, "select"), tested, test.tail(), frame);
            if (holds == wanted) {
                selected.add(item);
            }
        }
        return Generator.of(selected);
    }

    private static String name(Arguments arguments, String filter) {
        if (arguments.positional().get(0) instanceof Text name) {
            return name.chars();
        }
        throw new TemplateException(filter + " needs a name in quotes");
    }
}
