package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Filters that walk lists, dicts and generators. */
final class SequenceFilters {

    private SequenceFilters() {}

    static void addTo(Map<String, Filter> filters) {
        filters.put("length", SequenceFilters::length);
        filters.put("count", SequenceFilters::length);
        filters.put("first", (value, arguments, frame) -> {
            arguments.bind("first");
            Iterator<@Nullable Object> items = Values.iterator(value, frame.budget());
            return items.hasNext() ? items.next() : new Undefined("no first item, the sequence was empty");
        });
        filters.put("last", (value, arguments, frame) -> {
            arguments.bind("last");
            List<@Nullable Object> items = sequence("last", value, frame);
            return items.isEmpty()
                    ? new Undefined("no last item, the sequence was empty")
                    : items.get(items.size() - 1);
        });
        filters.put("list", (value, arguments, frame) -> {
            arguments.bind("list");
            return spend(new ArrayList<>(Values.items(value, frame.budget())), frame);
        });
        filters.put("reverse", (value, arguments, frame) -> {
            arguments.bind("reverse");
            List<@Nullable Object> items = new ArrayList<>(sequence("reverse", value, frame));
            Collections.reverse(items);
            return value instanceof Text
                    ? Texts.join(Text.EMPTY, items, frame.budget())
                    : Generator.of(spend(items, frame));
        });
        filters.put("join", (value, arguments, frame) -> {
            Bound bound = arguments.bind("join", "d", "attribute");
            List<@Nullable Object> items = Values.items(value, frame.budget());
            if (!bound.isNone(1)) {
                items = attributes(items, bound.get(1), frame);
            }
            return Texts.join(Printer.str(bound.get(0, Text.EMPTY), frame.budget()), items, frame.budget());
        });
        filters.put("sort", (value, arguments, frame) -> {
            Bound bound = arguments.bind("sort", "reverse", "case_sensitive", "attribute");
            List<@Nullable Object> items = spend(new ArrayList<>(Values.items(value, frame.budget())), frame);
            sort(items, bound.get(2, null), bound.flag(1, false), bound.flag(0, false), frame);
            return items;
        });
        filters.put("dictsort", SequenceFilters::sortDict);
        filters.put("items", (value, arguments, frame) -> {
            arguments.bind("items");
            if (value instanceof Undefined) {
                return Generator.of(List.of());
            }
            if (!(value instanceof Map<?, ?> map)) {
                throw new TemplateException(
                        "items: can only get item pairs from a mapping, not from " + Values.typeName(value));
            }
            return Generator.of(spend(CollectionMethods.pairs(map), frame));
        });
        filters.put("unique", SequenceFilters::unique);
        filters.put("sum", SequenceFilters::sum);
        filters.put("min", (value, arguments, frame) -> extreme("min", value, arguments, frame));
        filters.put("max", (value, arguments, frame) -> extreme("max", value, arguments, frame));
        filters.put("batch", SequenceFilters::batch);
        filters.put("groupby", SequenceFilters::groupBy);
    }

    private static <T extends List<?>> T spend(T items, Frame frame) {
        frame.budget().spendElements(items.size());
        return items;
    }

    private static List<@Nullable Object> sequence(String filter, @Nullable Object value, Frame frame) {
        if (value instanceof Generator) {
            throw new TemplateException(filter + ": a generator cannot be read backwards; put '| list' before it");
        }
        return Values.items(value, frame.budget());
    }

    private static Object length(@Nullable Object value, Arguments arguments, Frame frame) {
        arguments.bind("length");
        return (long) Values.length(value);
    }

    private static List<@Nullable Object> attributes(List<@Nullable Object> items, @Nullable Object path, Frame frame) {
        List<@Nullable Object> attributes = new ArrayList<>(items.size());
        for (Object item : items) {
            attributes.add(Attributes.path(item, path));
        }
        return spend(attributes, frame);
    }

    /** The value that an item is compared by. Texts are compared without case unless told otherwise. */
    private static @Nullable Object sortKey(@Nullable Object value, boolean caseSensitive, Frame frame) {
        if (!caseSensitive && value instanceof Text text) {
            frame.budget().spend(text.length());
            return Texts.lower(text);
        }
        return value;
    }

    private static void sort(
            List<@Nullable Object> items,
            @Nullable Object attribute,
            boolean caseSensitive,
            boolean reverse,
            Frame frame) {
        record Keyed(List<@Nullable Object> keys, @Nullable Object item) {}
        List<Keyed> keyed = new ArrayList<>();
        for (Object item : items) {
            List<@Nullable Object> keys = new ArrayList<>();
            if (attribute instanceof Text paths) {
                for (String path : paths.chars().split(",", -1)) {
                    keys.add(sortKey(Attributes.path(item, Text.trusted(path)), caseSensitive, frame));
                }
            } else {
                keys.add(sortKey(attribute == null ? item : Attributes.path(item, attribute), caseSensitive, frame));
            }
            keyed.add(new Keyed(keys, item));
        }
        Comparator<Keyed> order = (a, b) -> {
            frame.budget().spend(1);
            return Values.compare(a.keys(), b.keys(), frame.budget());
        };
        keyed.sort(reverse ? order.reversed() : order);
        items.clear();
        keyed.forEach(entry -> items.add(entry.item()));
    }

    private static Object sortDict(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("dictsort", "case_sensitive", "by", "reverse");
        if (!(value instanceof Map<?, ?> map)) {
            throw new TemplateException("dictsort: needs a dict, not " + Values.typeName(value));
        }
        String by = bound.has(1) ? bound.text(1).chars() : "key";
        if (!by.equals("key") && !by.equals("value")) {
            throw new TemplateException("dictsort: 'by' must be 'key' or 'value', not '" + by + "'");
        }
        List<@Nullable Object> pairs = spend(CollectionMethods.pairs(map), frame);
        sort(pairs, by.equals("key") ? 0L : 1L, bound.flag(0, false), bound.flag(2, false), frame);
        return pairs;
    }

    private static Object unique(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("unique", "case_sensitive", "attribute");
        Set<@Nullable Object> seen = new HashSet<>();
        List<@Nullable Object> unique = new ArrayList<>();
        for (Object item : Values.items(value, frame.budget())) {
            Object key = bound.isNone(1) ? item : Attributes.path(item, bound.get(1));
            if (seen.add(Values.key(sortKey(key, bound.flag(0, false), frame)))) {
                unique.add(item);
            }
        }
        return Generator.of(spend(unique, frame));
    }

    private static Object sum(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("sum", "attribute", "start");
        Object sum = bound.get(1, 0L);
        for (Object item : Values.items(value, frame.budget())) {
            Object part = bound.isNone(0) ? item : Attributes.path(item, bound.get(0));
            sum = Operators.binary("+", sum, part, frame.budget());
        }
        return java.util.Objects.requireNonNull(sum);
    }

    private static @Nullable Object extreme(String name, @Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind(name, "case_sensitive", "attribute");
        List<@Nullable Object> items = spend(new ArrayList<>(Values.items(value, frame.budget())), frame);
        if (items.isEmpty()) {
            return new Undefined("no aggregated item, the sequence was empty");
        }
        Object best = items.get(0);
        Object bestKey = key(best, bound, frame);
        for (Object item : items.subList(1, items.size())) {
            Object key = key(item, bound, frame);
            int order = Values.compare(key, bestKey, frame.budget());
            if (name.equals("min") ? order < 0 : order > 0) {
                best = item;
                bestKey = key;
            }
        }
        return best;
    }

    private static @Nullable Object key(@Nullable Object item, Bound bound, Frame frame) {
        return sortKey(bound.isNone(1) ? item : Attributes.path(item, bound.get(1)), bound.flag(0, false), frame);
    }

    private static Object batch(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("batch", "linecount", "fill_with");
        bound.get(0);
        long size = bound.integer(0, 1);
        if (size < 1) {
            throw new TemplateException("batch: linecount must be 1 or more, not " + size);
        }
        List<@Nullable Object> batches = new ArrayList<>();
        List<@Nullable Object> batch = new ArrayList<>();
        for (Object item : Values.items(value, frame.budget())) {
            if (batch.size() == size) {
                batches.add(batch);
                batch = new ArrayList<>();
            }
            batch.add(item);
        }
        if (!batch.isEmpty()) {
            while (!bound.isNone(1) && batch.size() < size) {
                frame.budget().spend(1);
                batch.add(bound.get(1));
            }
            batches.add(batch);
        }
        return Generator.of(spend(batches, frame));
    }

    private static Object groupBy(@Nullable Object value, Arguments arguments, Frame frame) {
        Bound bound = arguments.bind("groupby", "attribute", "default", "case_sensitive");
        List<@Nullable Object> pairs = new ArrayList<>();
        for (Object item : Values.items(value, frame.budget())) {
            Object key = Attributes.path(item, bound.get(0), bound.get(1, null));
            pairs.add(Tuple.of(sortKey(key, bound.flag(2, false), frame), key, item));
        }
        sort(pairs, 0L, true, false, frame);
        List<@Nullable Object> groups = new ArrayList<>();
        List<@Nullable Object> group = new ArrayList<>();
        for (int i = 0; i < pairs.size(); i++) {
            List<@Nullable Object> pair = Values.items(pairs.get(i), frame.budget());
            group.add(pair.get(2));
            if (i + 1 == pairs.size()
                    || !Values.equal(
                            pair.get(0),
                            Values.items(pairs.get(i + 1), frame.budget()).get(0),
                            frame.budget())) {
                List<@Nullable Object> first = Values.items(pairs.get(i + 1 - group.size()), frame.budget());
                groups.add(Tuple.of(first.get(1), group));
                group = new ArrayList<>();
            }
        }
        return spend(groups, frame);
    }
}
