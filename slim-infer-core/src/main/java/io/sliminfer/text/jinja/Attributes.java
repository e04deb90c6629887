package io.sliminfer.text.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code value.name} (methods first, then keys) and {@code value[key]} (keys first, then methods), as Jinja resolves them. */
final class Attributes {

    private Attributes() {}

    static @Nullable Object attribute(@Nullable Object target, String name) {
        Callable method = method(target, name);
        if (method != null) {
            return method;
        }
        return lookUp(target, Text.trusted(name), name);
    }

    static @Nullable Object item(@Nullable Object target, @Nullable Object key) {
        if (key instanceof Text name) {
            Object value = lookUp(target, name, name.chars());
            Callable method = value instanceof Undefined ? method(target, name.chars()) : null;
            return method == null ? value : method;
        }
        if (target instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (target instanceof Map<?, ?> map) {
            Values.key(key);
            return map.containsKey(key) ? map.get(key) : missing(target, Values.typeName(key));
        }
        if (Numbers.isIntegral(key)) {
            return element(target, Numbers.integer(key));
        }
        return missing(target, Values.typeName(key));
    }

    /** A path such as {@code function.name} or {@code 0}, as filters take it. */
    static @Nullable Object path(@Nullable Object target, @Nullable Object path) {
        return path(target, path, null);
    }

    /** @param otherwise what stands in for a part that is missing, or null for none */
    static @Nullable Object path(@Nullable Object target, @Nullable Object path, @Nullable Object otherwise) {
        if (!(path instanceof Text text)) {
            return orElse(item(target, path), otherwise);
        }
        Object value = target;
        for (String part : text.chars().split("\\.", -1)) {
            boolean index =
                    !part.isEmpty() && part.length() < 10 && part.chars().allMatch(c -> c >= '0' && c <= '9');
            value = orElse(item(value, index ? (Object) Long.valueOf(part) : Text.trusted(part)), otherwise);
        }
        return value;
    }

    private static @Nullable Object orElse(@Nullable Object value, @Nullable Object otherwise) {
        return value instanceof Undefined && otherwise != null ? otherwise : value;
    }

    private static @Nullable Object lookUp(@Nullable Object target, Text key, String name) {
        if (target instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (target instanceof Map<?, ?> map) {
            Object value = map.get(key);
            return value != null || map.containsKey(key) ? value : missing(target, "'" + name + "'");
        }
        if (target instanceof Namespace namespace) {
            Map<String, @Nullable Object> attributes = namespace.attributes();
            return attributes.containsKey(name) ? attributes.get(name) : missing(target, "'" + name + "'");
        }
        return target instanceof Loop loop ? loop.attribute(name) : missing(target, "'" + name + "'");
    }

    private static @Nullable Callable method(@Nullable Object target, String name) {
        if (target instanceof Text text) {
            return StringMethods.find(text, name);
        } else if (target instanceof Map<?, ?> map) {
            return CollectionMethods.find(map, name);
        } else if (target instanceof List<?> list) {
            return CollectionMethods.find(list, name, "list");
        } else if (target instanceof Tuple tuple) {
            return CollectionMethods.find(tuple.items(), name, "tuple");
        }
        return null;
    }

    private static @Nullable Object element(@Nullable Object target, long index) {
        if (target instanceof Text text) {
            int length = text.codePoints();
            long i = index < 0 ? index + length : index;
            if (i < 0 || i >= length) {
                return missing(target, "" + index);
            }
            int from = text.offset((int) i);
            return text.slice(from, from + Character.charCount(text.chars().codePointAt(from)));
        }
        List<?> items =
                target instanceof List<?> list ? list : target instanceof Tuple tuple ? tuple.items() : List.of();
        long i = index < 0 ? index + items.size() : index;
        return i < 0 || i >= items.size() ? missing(target, "" + index) : items.get((int) i);
    }

    private static Undefined missing(@Nullable Object target, String what) {
        return new Undefined(Values.typeName(target) + " has no element " + what);
    }
}
