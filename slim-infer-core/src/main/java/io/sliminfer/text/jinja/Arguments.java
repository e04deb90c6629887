package io.sliminfer.text.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Arguments of a call, as written. */
record Arguments(List<@Nullable Object> positional, Map<String, @Nullable Object> named) {

    static final Arguments NONE = new Arguments(List.of(), Map.of());

    static Arguments of(Object... positional) {
        return new Arguments(List.of(positional), Map.of());
    }

    /** Gives each parameter its argument, by order or by name. */
    Bound bind(String function, String... parameters) {
        Object[] values = new Object[parameters.length];
        java.util.Arrays.fill(values, Bound.MISSING);
        if (positional.size() > parameters.length) {
            throw new TemplateException(function + "() takes at most " + parameters.length + " argument(s), "
                    + positional.size() + " were given");
        }
        for (int i = 0; i < positional.size(); i++) {
            values[i] = positional.get(i);
        }
        for (Map.Entry<String, @Nullable Object> argument : named.entrySet()) {
            int i = List.of(parameters).indexOf(argument.getKey());
            if (i < 0) {
                throw new TemplateException(function + "() has no argument '" + argument.getKey() + "'; it has "
                        + (parameters.length == 0 ? "none" : String.join(", ", parameters)));
            }
            if (i < positional.size()) {
                throw new TemplateException(function + "() got two values for argument '" + argument.getKey() + "'");
            }
            values[i] = argument.getValue();
        }
        return new Bound(function, parameters, values);
    }

    /** Without the first positional argument. */
    Arguments tail() {
        return new Arguments(positional.subList(1, positional.size()), named);
    }
}
