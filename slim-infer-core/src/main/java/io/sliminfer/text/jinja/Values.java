package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What every value can do, as Python does it: truth, equality, order, iteration. Values are {@code null} (None), Boolean, Long,
 * Double, {@link Text}, List, {@link Tuple}, Map, and the small types of this package.
 */
final class Values {

    private Values() {}

    static boolean isTrue(@Nullable Object value) {
        if (value == null || value instanceof Undefined) {
            return false;
        }
        if (value instanceof Boolean flag) {
            return flag;
        }
        if (Numbers.isNumber(value)) {
            return Numbers.real(value) != 0;
        }
        return value instanceof Text text ? !text.isEmpty() : !hasLength(value) || length(value) > 0;
    }

    /** Whether {@link #length} works. */
    static boolean hasLength(@Nullable Object value) {
        return value instanceof Text
                || value instanceof Collection
                || value instanceof Map
                || value instanceof Tuple
                || value instanceof DictView
                || value instanceof Undefined
                || value instanceof Loop;
    }

    static int length(@Nullable Object value) {
        if (value instanceof Text text) {
            return text.codePoints();
        } else if (value instanceof Collection<?> items) {
            return items.size();
        } else if (value instanceof Map<?, ?> map) {
            return map.size();
        } else if (value instanceof Tuple tuple) {
            return tuple.items().size();
        } else if (value instanceof DictView view) {
            return view.items().size();
        } else if (value instanceof Undefined) {
            return 0;
        } else if (value instanceof Loop loop) {
            return loop.length();
        }
        throw new TemplateException(typeName(value) + " has no length");
    }

    static boolean isIterable(@Nullable Object value) {
        return hasLength(value) || value instanceof Generator;
    }

    static Iterator<@Nullable Object> iterator(@Nullable Object value, Budget budget) {
        return value instanceof Generator generator
                ? generator.items()
                : items(value, budget).iterator();
    }

    /** All items; dicts give their keys, strings their characters. A generator is used up. */
    static List<@Nullable Object> items(@Nullable Object value, Budget budget) {
        if (value instanceof Text text) {
            budget.spendElements(text.length());
        } else if (value instanceof Map<?, ?> map) {
            budget.spendElements(map.size());
        } else if (hasLength(value)) {
            // No copy is made of these.
            budget.spend(length(value));
        }
        if (value instanceof List<?> list) {
            return objects(list);
        } else if (value instanceof Tuple tuple) {
            return tuple.items();
        } else if (value instanceof Map<?, ?> map) {
            return new ArrayList<>(map.keySet());
        } else if (value instanceof DictView view) {
            return view.items();
        } else if (value instanceof Undefined) {
            return List.of();
        } else if (value instanceof Text text) {
            return characters(text);
        } else if (value instanceof Generator generator) {
            List<@Nullable Object> items = new ArrayList<>();
            generator.items().forEachRemaining(item -> {
                budget.spendElements(1);
                items.add(item);
            });
            return items;
        }
        throw new TemplateException(typeName(value) + " is not iterable");
    }

    /** A value as key of a dict. Only small values are: hashing nested ones could take forever. */
    static @Nullable Object key(@Nullable Object value) {
        if (value instanceof Tuple tuple) {
            tuple.items().forEach(item -> {
                if (item instanceof Tuple) {
                    throw new TemplateException("nested tuples cannot be keys of a dict");
                }
                key(item);
            });
        } else if (value != null
                && !(value instanceof Text)
                && !(value instanceof Undefined)
                && !Numbers.isNumber(value)) {
            throw new TemplateException(typeName(value) + " cannot be a key of a dict");
        }
        return value;
    }

    @SuppressWarnings("unchecked")
    private static List<@Nullable Object> objects(List<?> list) {
        return (List<@Nullable Object>) list;
    }

    private static List<@Nullable Object> characters(Text text) {
        List<@Nullable Object> characters = new ArrayList<>(text.length());
        for (int i = 0; i < text.length(); ) {
            int next = i + Character.charCount(text.chars().codePointAt(i));
            characters.add(text.slice(i, next));
            i = next;
        }
        return characters;
    }

    static boolean equal(@Nullable Object left, @Nullable Object right, Budget budget) {
        budget.spend(1);
        if (left instanceof Text a && right instanceof Text b) {
            budget.spend(a.length() == b.length() ? a.length() : 0);
            return a.equals(b);
        }
        if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
            return left instanceof Long && right instanceof Long
                    ? left.equals(right)
                    : left.equals(right) || Numbers.real(left) == Numbers.real(right);
        }
        if (left instanceof List<?> a && right instanceof List<?> b) {
            return equalItems(a, b, budget);
        }
        if (left instanceof Tuple a && right instanceof Tuple b) {
            return equalItems(a.items(), b.items(), budget);
        }
        if (left instanceof Map<?, ?> a && right instanceof Map<?, ?> b) {
            return equalEntries(a, b, budget);
        }
        if (left instanceof Undefined && right instanceof Undefined) {
            return true;
        }
        return left == right
                || (left instanceof DictView a
                        && right instanceof DictView b
                        && equalItems(a.items(), b.items(), budget));
    }

    private static boolean equalItems(List<?> a, List<?> b, Budget budget) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            if (!equal(a.get(i), b.get(i), budget)) {
                return false;
            }
        }
        return true;
    }

    private static boolean equalEntries(Map<?, ?> a, Map<?, ?> b, Budget budget) {
        if (a.size() != b.size()) {
            return false;
        }
        for (Map.Entry<?, ?> entry : a.entrySet()) {
            if (!b.containsKey(entry.getKey()) || !equal(entry.getValue(), b.get(entry.getKey()), budget)) {
                return false;
            }
        }
        return true;
    }

    /** Order of two values of one kind. */
    static int compare(@Nullable Object left, @Nullable Object right, Budget budget) {
        budget.spend(1);
        if (left instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (right instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
            return Numbers.compare(left, right);
        }
        if (left instanceof Text a && right instanceof Text b) {
            budget.spend(Math.min(a.length(), b.length()));
            return a.compareTo(b);
        }
        if ((left instanceof List && right instanceof List) || (left instanceof Tuple && right instanceof Tuple)) {
            List<?> a = items(left, budget);
            List<?> b = items(right, budget);
            for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
                if (!equal(a.get(i), b.get(i), budget)) {
                    return compare(a.get(i), b.get(i), budget);
                }
            }
            return Integer.compare(a.size(), b.size());
        }
        throw new TemplateException(typeName(left) + " and " + typeName(right) + " have no order");
    }

    /** Whether {@code container} holds {@code item}: a part of a string, a key of a dict, an item of anything else. */
    static boolean contains(@Nullable Object container, @Nullable Object item, Budget budget) {
        if (container instanceof Text text) {
            if (item instanceof Text part) {
                budget.spendSearch(text, part);
                return text.chars().contains(part.chars());
            }
            if (item instanceof Undefined undefined) {
                throw undefined.failure();
            }
            throw new TemplateException("'in <string>' requires a string as left operand, not " + typeName(item));
        }
        if (container instanceof Map<?, ?> map) {
            return map.containsKey(key(item));
        }
        for (Iterator<@Nullable Object> items = iterator(container, budget); items.hasNext(); ) {
            if (equal(items.next(), item, budget)) {
                return true;
            }
        }
        return false;
    }

    /** The value's type as a template author knows it. */
    static String typeName(@Nullable Object value) {
        if (value == null) {
            return "None";
        } else if (value instanceof Text) {
            return "a string";
        } else if (value instanceof Boolean) {
            return "a boolean";
        } else if (value instanceof Double) {
            return "a float";
        } else if (Numbers.isNumber(value)) {
            return "an integer";
        } else if (value instanceof List) {
            return "a list";
        } else if (value instanceof Tuple) {
            return "a tuple";
        } else if (value instanceof Map) {
            return "a dict";
        } else if (value instanceof Undefined) {
            return "an undefined value";
        } else if (value instanceof Callable) {
            return "a function";
        }
        return "a " + value.getClass().getSimpleName().toLowerCase(java.util.Locale.ROOT);
    }
}
