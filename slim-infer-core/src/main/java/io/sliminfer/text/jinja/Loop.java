package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The variable {@code loop} of a for statement. Looks at most one item ahead unless the template asks for the length. */
final class Loop {

    private static final Object NOTHING = new Object();

    private Iterator<@Nullable Object> rest;
    private int length;
    private int index0 = -1;
    private @Nullable Object previous = NOTHING;
    private @Nullable Object current = NOTHING;
    private @Nullable Object next = NOTHING;
    private @Nullable Object lastChanged = NOTHING;

    /** @param length number of items, or -1 if only walking them tells */
    Loop(Iterator<@Nullable Object> items, int length) {
        this.rest = items;
        this.length = length;
    }

    boolean advance() {
        if (!hasNext()) {
            return false;
        }
        previous = current;
        current = next;
        next = NOTHING;
        index0++;
        return true;
    }

    @Nullable
    Object current() {
        return current;
    }

    int index0() {
        return index0;
    }

    int length() {
        if (length < 0) {
            List<@Nullable Object> remaining = new ArrayList<>();
            rest.forEachRemaining(remaining::add);
            rest = remaining.iterator();
            length = index0 + 1 + (next == NOTHING ? 0 : 1) + remaining.size();
        }
        return length;
    }

    @Nullable
    Object attribute(String name) {
        switch (name) {
            case "index":
                return index0 + 1L;
            case "index0":
                return (long) index0;
            case "revindex":
                return (long) length() - index0;
            case "revindex0":
                return length() - index0 - 1L;
            case "first":
                return index0 == 0;
            case "last":
                return !hasNext();
            case "length":
                return (long) length();
            // Only recursive loops, which are not supported, are deeper.
            case "depth":
                return 1L;
            case "depth0":
                return 0L;
            case "previtem":
                return previous == NOTHING ? new Undefined("there is no previous item") : previous;
            case "nextitem":
                return hasNext() ? next : new Undefined("there is no next item");
            case "cycle":
                return (Callable) (frame, arguments) -> cycle(arguments.positional());
            case "changed":
                return (Callable) (frame, arguments) -> changed(new Tuple(arguments.positional()), frame.budget());
            default:
                return new Undefined("'loop' has no attribute '" + name + "'");
        }
    }

    private boolean hasNext() {
        if (next == NOTHING && rest.hasNext()) {
            next = rest.next();
        }
        return next != NOTHING;
    }

    private @Nullable Object cycle(List<@Nullable Object> values) {
        if (values.isEmpty()) {
            throw new TemplateException("loop.cycle() needs at least one value");
        }
        return values.get(index0 % values.size());
    }

    private boolean changed(Tuple values, Budget budget) {
        boolean changed = lastChanged == NOTHING || !Values.equal(lastChanged, values, budget);
        lastChanged = values;
        return changed;
    }
}
