package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's {@code value[start:stop:step]} on strings, lists and tuples. */
final class Slices {

    private Slices() {}

    static Object slice(
            @Nullable Object value,
            @Nullable Object start,
            @Nullable Object stop,
            @Nullable Object step,
            Budget budget) {
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        boolean sliceable = value instanceof Text || value instanceof List || value instanceof Tuple;
        if (!sliceable) {
            // As Jinja does it: a subscript that does not work is undefined, and only its use fails.
            return new Undefined(Values.typeName(value) + " cannot be sliced");
        }
        int length = Values.length(value);
        long by = step == null ? 1 : Numbers.integer(step);
        if (by == 0) {
            throw new TemplateException("slice step cannot be zero");
        }
        long from = start == null ? (by > 0 ? 0 : length - 1) : bound(Numbers.integer(start), length, by);
        long to = stop == null ? (by > 0 ? length : -1) : bound(Numbers.integer(stop), length, by);
        if (value instanceof Text text && by == 1) {
            budget.spend(Math.max(0, to - from) + 1);
            return from >= to ? Text.EMPTY : text.slice(text.offset((int) from), text.offset((int) to));
        }
        List<@Nullable Object> items = Values.items(value, budget);
        List<@Nullable Object> slice = new ArrayList<>();
        for (long i = from; by > 0 ? i < to : i > to; i += by) {
            slice.add(items.get((int) i));
        }
        if (value instanceof Text) {
            TextBuilder joined = new TextBuilder();
            slice.forEach(character -> joined.append((Text) character));
            return joined.toText();
        }
        return value instanceof Tuple ? new Tuple(slice) : slice;
    }

    private static long bound(long index, int length, long step) {
        long fromStart = index < 0 ? index + length : index;
        return step > 0 ? Math.max(0, Math.min(fromStart, length)) : Math.max(-1, Math.min(fromStart, length - 1L));
    }
}
