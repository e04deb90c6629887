package io.sliminfer.text.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A macro: sees its arguments and the variables around its definition.
 *
 * @param defaults of the last parameters
 */
record Macro(String name, List<String> parameters, List<Expression> defaults, Statement.Block body, Scope around)
        implements Callable {

    @Override
    public Text call(Frame frame, Arguments arguments) {
        return call(frame, arguments, null);
    }

    Text call(Frame frame, Arguments arguments, @Nullable Macro caller) {
        Frame inner = new Frame(new Scope(around), new TextBuilder(), frame.budget());
        bind(arguments, inner);
        inner.scope().set("caller", caller == null ? Undefined.name("caller") : caller);
        frame.budget().enter("macro '" + name + "'");
        try {
            body.execute(inner);
        } finally {
            frame.budget().leave();
        }
        return inner.out().toText();
    }

    private void bind(Arguments arguments, Frame inner) {
        Map<String, @Nullable Object> named = new LinkedHashMap<>(arguments.named());
        List<@Nullable Object> positional = arguments.positional();
        if (positional.size() > parameters.size()) {
            throw new TemplateException("macro '" + name + "' takes at most " + parameters.size() + " argument(s), "
                    + positional.size() + " were given");
        }
        for (int i = 0; i < parameters.size(); i++) {
            String parameter = parameters.get(i);
            int withDefault = i - (parameters.size() - defaults.size());
            Object value;
            if (i < positional.size()) {
                if (named.containsKey(parameter)) {
                    throw new TemplateException("macro '" + name + "' got two values for argument '" + parameter + "'");
                }
                value = positional.get(i);
            } else if (named.containsKey(parameter)) {
                value = named.remove(parameter);
            } else if (withDefault >= 0) {
                value = defaults.get(withDefault).evaluate(inner);
            } else {
                value = new Undefined("parameter '" + parameter + "' was not provided");
            }
            inner.scope().set(parameter, value);
        }
        if (!named.isEmpty()) {
            throw new TemplateException("macro '" + name + "' has no argument '"
                    + named.keySet().iterator().next() + "'");
        }
    }
}
