package io.sliminfer.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Argument expressions of a call, filter or test: {@code (a, *more, name=b, **others)}. */
record CallArguments(
        List<Expression> positional,
        Map<String, Expression> named,
        @Nullable Expression more,
        @Nullable Expression others) {

    static final CallArguments NONE = new CallArguments(List.of(), Map.of(), null, null);

    Arguments evaluate(Frame frame) {
        if (this == NONE) {
            return Arguments.NONE;
        }
        List<@Nullable Object> values = new ArrayList<>();
        for (Expression expression : positional) {
            values.add(expression.evaluate(frame));
        }
        if (more != null) {
            values.addAll(Values.items(more.evaluate(frame), frame.budget()));
        }
        Map<String, @Nullable Object> byName = new LinkedHashMap<>();
        for (Map.Entry<String, Expression> argument : named.entrySet()) {
            byName.put(argument.getKey(), argument.getValue().evaluate(frame));
        }
        if (others != null) {
            if (!(others.evaluate(frame) instanceof Map<?, ?> map)) {
                throw new TemplateException("the argument after ** must be a dict");
            }
            map.forEach((name, value) -> byName.put(String.valueOf(name), value));
        }
        frame.budget().spendElements(values.size() + byName.size());
        return new Arguments(values, byName);
    }
}
