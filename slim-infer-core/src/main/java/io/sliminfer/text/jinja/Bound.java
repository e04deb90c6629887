package io.sliminfer.text.jinja;

import org.jspecify.annotations.Nullable;

/** Arguments in the order of a function's parameters. */
record Bound(String function, String[] parameters, @Nullable Object[] values) {

    static final Object MISSING = new Object();

    boolean has(int index) {
        return values[index] != MISSING;
    }

    boolean isNone(int index) {
        return values[index] == null || values[index] == MISSING;
    }

    @Nullable
    Object get(int index) {
        if (!has(index)) {
            throw new TemplateException(function + "() needs argument '" + parameters[index] + "'");
        }
        return values[index];
    }

    @Nullable
    Object get(int index, @Nullable Object otherwise) {
        return has(index) ? values[index] : otherwise;
    }

    Text text(int index) {
        Object value = get(index);
        if (value instanceof Text text) {
            return text;
        }
        throw new TemplateException(
                function + "(): argument '" + parameters[index] + "' is " + Values.typeName(value) + ", not a string");
    }

    long integer(int index, long otherwise) {
        if (isNone(index)) {
            return otherwise;
        }
        Object value = values[index];
        if (value instanceof Long || value instanceof Boolean) {
            return Numbers.integer(value);
        }
        throw new TemplateException(function + "(): argument '" + parameters[index] + "' is " + Values.typeName(value)
                + ", not an integer");
    }

    boolean flag(int index, boolean otherwise) {
        return has(index) ? Values.isTrue(values[index]) : otherwise;
    }
}
