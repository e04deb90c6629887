package io.sliminfer.grammar.json;

import static io.sliminfer.grammar.Expression.call;
import static io.sliminfer.grammar.Expression.choice;
import static io.sliminfer.grammar.Expression.literal;

import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.Grammar;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A JSON Schema to rules of a grammar. A value must meet a list of {@link SchemaPart}s; {@code anyOf} becomes alternatives of such
 * lists, and what is left is put together type by type. Each list is compiled once, so that recursive schemas end. One thread, one use.
 */
final class SchemaCompiler {

    /** Lists of parts of one schema; {@code anyOf} within {@code allOf} multiplies them. */
    private static final int LISTS_MAX = 5_000;

    private final SchemaDocument document;
    private final Grammar.Builder grammar;
    private final JsonText text;
    private final Map<String, Known> known = new HashMap<>();
    private final Alternatives alternatives;

    /** A list of parts that was or is being compiled. */
    private static final class Known {
        /** Made when the list refers to itself. */
        Grammar.@Nullable Rule rule;

        @Nullable
        Expression expression;

        boolean done;
    }

    SchemaCompiler(SchemaDocument document, Grammar.Builder grammar) {
        this.document = document;
        this.grammar = grammar;
        this.text = new JsonText(grammar);
        this.alternatives = new Alternatives(document);
    }

    Grammar.Rule compile() {
        Grammar.Rule start = grammar.rule("JSON Schema #");
        Expression value = value(document.parts(document.root(), "#"));
        if (value == null) {
            throw new JsonSchemaException("#", "allows no value at all");
        }
        grammar.define(start, value);
        return start;
    }

    JsonText text() {
        return text;
    }

    Grammar.Builder grammar() {
        return grammar;
    }

    /** Parts of a schema within another. */
    @Nullable
    List<SchemaPart> parts(JsonNode schema, String pointer) {
        return document.parts(schema, pointer);
    }

    /**
     * What meets all parts.
     *
     * @return null if nothing does
     */
    @Nullable
    Expression value(@Nullable List<SchemaPart> parts) {
        if (parts == null) {
            return null;
        }
        String key = parts.stream().map(SchemaPart::key).sorted().distinct().collect(Collectors.joining("\n"));
        Known entry = known.get(key);
        if (entry == null) {
            if (known.size() >= LISTS_MAX) {
                throw new JsonSchemaException(
                        parts.get(0).pointer(),
                        "is too large: anyOf and allOf make more than " + LISTS_MAX + " combinations");
            }
            entry = new Known();
            known.put(key, entry);
            entry.expression = compile(parts);
            entry.done = true;
            if (entry.rule != null) {
                if (entry.expression == null) {
                    throw new JsonSchemaException(parts.get(0).pointer(), "allows no value at all");
                }
                grammar.define(entry.rule, entry.expression);
                entry.expression = call(entry.rule);
            }
        }
        if (entry.done) {
            return entry.expression;
        }
        if (entry.rule == null) {
            entry.rule =
                    grammar.rule("JSON Schema " + parts.get(parts.size() - 1).pointer());
        }
        return call(entry.rule);
    }

    private @Nullable Expression compile(List<SchemaPart> parts) {
        List<List<SchemaPart>> branches = alternatives.of(parts);
        if (branches == null) {
            return leaf(parts);
        }
        List<Expression> possible = new ArrayList<>();
        for (List<SchemaPart> branch : branches) {
            Expression value = value(branch);
            if (value != null) {
                possible.add(value);
            }
        }
        return possible.isEmpty() ? null : choice(possible);
    }

    /** Parts without alternatives. */
    private @Nullable Expression leaf(List<SchemaPart> parts) {
        if (parts.stream().anyMatch(part -> part.has("enum") || part.has("const"))) {
            return new EnumValues(this, parts).expression();
        }
        EnumSet<JsonType> types = JsonType.ofAll(parts);
        boolean said = parts.stream().anyMatch(part -> part.has("type"));
        if (!said) {
            EnumSet<JsonType> meant = meant(parts);
            if (meant.isEmpty()) {
                return text.value();
            }
            types = meant;
        }
        List<Expression> values = new ArrayList<>();
        for (JsonType type : types) {
            Expression value = ofType(type, parts);
            if (value != null) {
                values.add(value);
            }
        }
        return values.isEmpty() ? null : choice(values);
    }

    /** Types whose keywords are used; who writes {@code properties} without {@code type} means an object. */
    private static EnumSet<JsonType> meant(List<SchemaPart> parts) {
        EnumSet<JsonType> meant = EnumSet.noneOf(JsonType.class);
        for (JsonType type : JsonType.values()) {
            if (type.keywords().stream().anyMatch(keyword -> parts.stream().anyMatch(part -> part.has(keyword)))) {
                meant.add(type);
            }
        }
        return meant;
    }

    private @Nullable Expression ofType(JsonType type, List<SchemaPart> parts) {
        return switch (type) {
            case NULL -> literal("null");
            case BOOLEAN -> choice(literal("true"), literal("false"));
            case INTEGER, NUMBER ->
                NumberSchema.of(parts, type == JsonType.INTEGER).expression(text);
            case STRING -> StringSchema.of(parts).expression(text);
            case ARRAY -> new ArraySchema(this, parts).expression();
            case OBJECT -> new ObjectSchema(this, parts).expression();
        };
    }
}
