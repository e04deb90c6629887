package io.sliminfer.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Turns Java values into template values. All text in them is untrusted. */
final class DataImport {

    private static final int NESTING_MAX = 100;

    private final String where;
    private long characters;

    /** @param where the variable that is imported, for messages */
    DataImport(String where) {
        this.where = where;
    }

    /** Characters and elements seen so far. */
    long characters() {
        return characters;
    }

    @Nullable
    Object value(@Nullable Object value) {
        return value(value, 0);
    }

    private @Nullable Object value(@Nullable Object value, int depth) {
        if (depth > NESTING_MAX) {
            throw new IllegalArgumentException(
                    "the template variable '" + where + "' is nested deeper than " + NESTING_MAX);
        }
        characters++;
        if (value == null || value instanceof Boolean || value instanceof Long || value instanceof Double) {
            return value;
        } else if (value instanceof CharSequence || value instanceof Character || value instanceof Enum) {
            characters += value.toString().length();
            return Text.untrusted(value.toString());
        } else if (value instanceof Text text) {
            return text;
        } else if (value instanceof Number number) {
            return number(number);
        } else if (value instanceof Map<?, ?> map) {
            Map<@Nullable Object, @Nullable Object> dict = new LinkedHashMap<>();
            map.forEach((key, element) -> dict.put(value(key, depth + 1), value(element, depth + 1)));
            return dict;
        } else if (value instanceof Iterable<?> items) {
            List<@Nullable Object> list = new ArrayList<>();
            items.forEach(item -> list.add(value(item, depth + 1)));
            return list;
        } else if (value instanceof Object[] array) {
            List<@Nullable Object> list = new ArrayList<>();
            for (Object item : array) {
                list.add(value(item, depth + 1));
            }
            return list;
        }
        throw new IllegalArgumentException("the template variable '" + where + "' holds a "
                + value.getClass().getName() + ": use strings, numbers, booleans, null, lists and maps");
    }

    private static Object number(Number number) {
        if (number instanceof Integer || number instanceof Short || number instanceof Byte) {
            return number.longValue();
        }
        if (number instanceof BigInteger big) {
            return big.bitLength() < 64 ? (Object) big.longValue() : big;
        }
        if (number instanceof BigDecimal || number instanceof Float) {
            // Through the decimal text: 0.1f is meant as 0.1.
            return Double.valueOf(number.toString());
        }
        return number.doubleValue();
    }
}
