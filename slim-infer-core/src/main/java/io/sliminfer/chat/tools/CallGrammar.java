package io.sliminfer.chat.tools;

import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.json.JsonGrammars;
import io.sliminfer.grammar.json.JsonSchemaException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import tools.jackson.databind.json.JsonMapper;

/**
 * Calls of a request's tools as rules of a grammar, for answers that may call a tool or else must have a format: names are those of the
 * tools, arguments fit their schemas.
 */
public final class CallGrammar {

    private static final JsonMapper MAPPER = JsonMapper.shared();

    private final List<Tool> tools = new ArrayList<>();
    private final Function<String, Expression> marks;

    /**
     * A tool that may be called.
     *
     * @param arguments what fits its schema
     */
    record Tool(String name, Expression arguments) {

        String quotedName() {
            return MAPPER.writeValueAsString(name);
        }
    }

    /**
     * @param grammar     gets the rules of the tools' schemas
     * @param definitions of tools, in the shape of {@link io.sliminfer.chat.ChatRequest#tools()}
     * @param marks       from a mark of the form to what writes it
     * @throws IllegalArgumentException naming the tool whose schema cannot be enforced
     */
    public CallGrammar(
            Grammar.Builder grammar, List<Map<String, Object>> definitions, Function<String, Expression> marks) {
        this.marks = marks;
        for (Map<String, Object> definition : definitions) {
            if (!(definition.get("function") instanceof Map<?, ?> function)
                    || !(function.get("name") instanceof String name)) {
                throw new IllegalArgumentException(
                        "a tool definition without function.name: {type: function, function: {name, description, parameters}} is"
                                + " expected");
            }
            try {
                Grammar.Rule arguments = JsonGrammars.addSchema(grammar, schema(function.get("parameters")));
                tools.add(new Tool(name, Expression.call(arguments)));
            } catch (JsonSchemaException e) {
                throw new IllegalArgumentException(
                        "the request has tools and a response format, so calls are enforced as well, but the arguments of tool '"
                                + name + "' cannot be: " + e.getMessage(),
                        e);
            }
        }
    }

    /** Arguments are an object, whether or not the schema says so. */
    private static String schema(Object parameters) {
        Map<Object, Object> schema = new LinkedHashMap<>();
        if (parameters instanceof Map<?, ?> given) {
            schema.putAll(given);
        }
        schema.putIfAbsent("type", "object");
        return MAPPER.writeValueAsString(schema);
    }

    List<Tool> tools() {
        return tools;
    }

    /** What writes a mark of the form. */
    Expression mark(String mark) {
        return marks.apply(mark);
    }

    /**
     * A JSON object with a call's name and arguments, by any of the tools.
     *
     * @param field name of the field with the arguments
     */
    Expression object(String field) {
        List<Expression> objects = new ArrayList<>();
        for (Tool tool : tools) {
            objects.add(Expression.sequence(
                    Expression.literal("{\"name\":"),
                    space(),
                    Expression.literal(tool.quotedName() + ","),
                    space(),
                    Expression.literal("\"" + field + "\":"),
                    space(),
                    tool.arguments(),
                    Expression.literal("}")));
        }
        return Expression.choice(objects);
    }

    /** One after the other, at least one. */
    static Expression list(Expression call, Expression separator) {
        return Expression.sequence(call, Expression.repeat(Expression.sequence(separator, call)));
    }

    /** One or none: models were trained on either. */
    static Expression space() {
        return Expression.optional(Expression.literal(" "));
    }
}
