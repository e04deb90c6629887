package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Methods of dicts, lists and tuples. Those that would change the value are refused, as in transformers' sandbox. */
final class CollectionMethods {

    private static final Set<String> CHANGING_DICTS = Set.of("clear", "pop", "popitem", "setdefault", "update");
    private static final Set<String> CHANGING_LISTS =
            Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");

    private CollectionMethods() {}

    static @Nullable Callable find(Map<?, ?> dict, String name) {
        if (CHANGING_DICTS.contains(name)) {
            return refuse("dict", name);
        }
        switch (name) {
            case "items":
                return (frame, arguments) -> {
                    arguments.bind("items");
                    return view("dict_items", pairs(dict), frame);
                };
            case "keys":
                return (frame, arguments) -> {
                    arguments.bind("keys");
                    return view("dict_keys", new ArrayList<>(dict.keySet()), frame);
                };
            case "values":
                return (frame, arguments) -> {
                    arguments.bind("values");
                    return view("dict_values", new ArrayList<>(dict.values()), frame);
                };
            case "copy":
                return (frame, arguments) -> {
                    arguments.bind("copy");
                    frame.budget().spendElements(dict.size());
                    return new LinkedHashMap<>(dict);
                };
            case "get":
                return (frame, arguments) -> {
                    Bound bound = arguments.bind("get", "key", "default");
                    Object key = Values.key(bound.get(0));
                    return dict.containsKey(key) ? dict.get(key) : bound.get(1, null);
                };
            default:
                return null;
        }
    }

    static @Nullable Callable find(List<?> list, String name, String type) {
        if (type.equals("list") && CHANGING_LISTS.contains(name)) {
            return refuse(type, name);
        }
        switch (name) {
            case "index":
                return (frame, arguments) -> {
                    Object wanted = arguments.bind("index", "value").get(0);
                    frame.budget().spend(list.size());
                    for (int i = 0; i < list.size(); i++) {
                        if (Values.equal(list.get(i), wanted, frame.budget())) {
                            return (long) i;
                        }
                    }
                    throw new TemplateException("index(): the value is not in the " + type);
                };
            case "count":
                return (frame, arguments) -> {
                    Object wanted = arguments.bind("count", "value").get(0);
                    frame.budget().spend(list.size());
                    return list.stream()
                            .filter(item -> Values.equal(item, wanted, frame.budget()))
                            .count();
                };
            case "copy":
                return type.equals("tuple")
                        ? null
                        : (frame, arguments) -> {
                            frame.budget().spendElements(list.size());
                            return new ArrayList<>(list);
                        };
            default:
                return null;
        }
    }

    /** The dict's entries as tuples of key and value. */
    static List<@Nullable Object> pairs(Map<?, ?> dict) {
        List<@Nullable Object> pairs = new ArrayList<>(dict.size());
        for (Map.Entry<?, ?> entry : dict.entrySet()) {
            pairs.add(Tuple.of(entry.getKey(), entry.getValue()));
        }
        return pairs;
    }

    private static DictView view(String kind, List<@Nullable Object> items, Frame frame) {
        frame.budget().spendElements(items.size());
        return new DictView(kind, items);
    }

    private static Callable refuse(String type, String name) {
        return (frame, arguments) -> {
            throw new TemplateException("templates cannot change values: " + type + "." + name + "() is not allowed");
        };
    }
}
