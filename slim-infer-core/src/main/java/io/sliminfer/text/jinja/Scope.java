package io.sliminfer.text.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Variables of a loop turn, macro call or block; what is not here is looked up outside. */
final class Scope {

    private final @Nullable Scope outer;
    private final Map<String, @Nullable Object> variables;

    Scope(@Nullable Scope outer) {
        this(outer, new HashMap<>());
    }

    Scope(@Nullable Scope outer, Map<String, @Nullable Object> variables) {
        this.outer = outer;
        this.variables = variables;
    }

    @Nullable
    Object get(String name) {
        for (Scope scope = this; scope != null; scope = scope.outer) {
            Object value = scope.variables.get(name);
            if (value != null || scope.variables.containsKey(name)) {
                return value;
            }
        }
        return Undefined.name(name);
    }

    void set(String name, @Nullable Object value) {
        variables.put(name, value);
    }
}
