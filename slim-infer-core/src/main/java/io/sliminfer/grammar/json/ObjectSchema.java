package io.sliminfer.grammar.json;

import static io.sliminfer.grammar.Expression.call;
import static io.sliminfer.grammar.Expression.literal;
import static io.sliminfer.grammar.Expression.sequence;

import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.Expression.Edge;
import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.GrammarException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What parts say of objects. Properties come in the order in which the parts name them, then those that are required without being
 * described, then others, if additional ones are allowed.
 */
final class ObjectSchema {

    private final SchemaCompiler compiler;
    private final List<SchemaPart> parts;

    /** A property with a value that is possible. */
    private record Property(String name, Expression value, boolean required) {}

    ObjectSchema(SchemaCompiler compiler, List<SchemaPart> parts) {
        this.compiler = compiler;
        this.parts = parts;
    }

    @Nullable
    Expression expression() {
        if (parts.stream().noneMatch(part -> JsonType.OBJECT.keywords().stream().anyMatch(part::has))) {
            return compiler.text().object();
        }
        Set<String> required = new LinkedHashSet<>();
        parts.forEach(part -> required.addAll(part.names("required")));
        Set<String> named = new LinkedHashSet<>();
        for (SchemaPart part : parts) {
            if (part.has("properties")) {
                if (!part.get("properties").isObject()) {
                    throw part.wrong("properties", "an object");
                }
                part.get("properties").properties().forEach(property -> named.add(property.getKey()));
            }
        }
        named.addAll(required);
        List<Property> properties = new ArrayList<>();
        for (String name : named) {
            Expression value = compiler.value(saidOf(name));
            if (value != null) {
                properties.add(new Property(name, value, required.contains(name)));
            } else if (required.contains(name)) {
                return null;
            }
        }
        return written(properties, named, additional(named));
    }

    /** What the parts say of a property; null if one forbids it. */
    private @Nullable List<SchemaPart> saidOf(String name) {
        List<SchemaPart> all = new ArrayList<>();
        for (SchemaPart part : parts) {
            boolean named = part.has("properties") && part.get("properties").has(name);
            List<SchemaPart> own = named
                    ? compiler.parts(
                            part.get("properties").path(name), part.at("properties") + "/" + SchemaPart.escape(name))
                    : additional(part);
            if (own == null) {
                return null;
            }
            all.addAll(own);
        }
        return all;
    }

    private @Nullable List<SchemaPart> additional(SchemaPart part) {
        return part.has("additionalProperties")
                ? compiler.parts(part.get("additionalProperties"), part.at("additionalProperties"))
                : List.of();
    }

    /** Value of properties that are not named, or null if there may be none: also where properties are named and nothing is said. */
    private @Nullable Expression additional(Set<String> named) {
        if (!named.isEmpty() && parts.stream().noneMatch(part -> part.has("additionalProperties"))) {
            return null;
        }
        List<SchemaPart> all = new ArrayList<>();
        for (SchemaPart part : parts) {
            List<SchemaPart> own = additional(part);
            if (own == null) {
                return null;
            }
            all.addAll(own);
        }
        return compiler.value(all);
    }

    private @Nullable Expression written(
            List<Property> properties, Set<String> named, @Nullable Expression additional) {
        int min = 0;
        int max = Integer.MAX_VALUE;
        for (SchemaPart part : parts) {
            min = Math.max(min, part.count("minProperties", 0));
            max = Math.min(max, part.count("maxProperties", Integer.MAX_VALUE));
        }
        long required = properties.stream().filter(Property::required).count();
        if (max < required || (additional == null && properties.size() < min)) {
            return null;
        }
        boolean map = properties.isEmpty();
        for (SchemaPart part : parts) {
            // A name may come twice in a text and counts once, so more than one is not certain.
            if (part.has("minProperties")
                    && min > required
                    && (min > 1 || (!map && additional == null && required > 0))) {
                throw part.unsupported("minProperties", "more than 1, or more than are required");
            }
            if (part.has("maxProperties") && !map && (additional != null || max < properties.size())) {
                throw part.unsupported("maxProperties", "only where additionalProperties are all that there is");
            }
        }
        JsonText text = compiler.text();
        Expression more = additional == null ? null : text.property(name(named), additional);
        Grammar.Rule rule = compiler.grammar()
                .rule("object at " + parts.get(parts.size() - 1).pointer());
        Expression members =
                map && max != Integer.MAX_VALUE ? atMost(max, min, more) : members(properties, min > required, more);
        compiler.grammar().define(rule, sequence(literal("{"), text.space(), members, literal("}")));
        return call(rule);
    }

    /** Names of additional properties: any but those that are described, in the notation in which they cannot be one of these. */
    private Expression name(Set<String> named) {
        if (named.isEmpty()) {
            return compiler.text().string();
        }
        CharDfa any = CharDfa.of(Regex.any(Regex.chars(CharRanges.ALL)));
        CharDfa described = CharDfa.of(Regex.choice(named.stream()
                .filter(name -> name.codePoints().noneMatch(c -> c >= 0xd800 && c <= 0xdfff))
                .map(Regex::text)
                .toList()));
        try {
            return compiler.text().string("name but " + named, any.without(described));
        } catch (GrammarException e) {
            throw new JsonSchemaException(parts.get(0).pointer(), e.getMessage());
        }
    }

    /**
     * Nodes come in two rows: in the upper one nothing is written yet, in the lower one a property is, so that a comma comes before the
     * next. Column i: the first i properties are written or left out.
     */
    private Expression members(List<Property> properties, boolean some, @Nullable Expression more) {
        JsonText text = compiler.text();
        Expression comma = sequence(literal(","), text.space());
        Expression nothing = sequence();
        int columns = properties.size() + 1;
        List<Edge> edges = new ArrayList<>();
        for (int i = 0; i < properties.size(); i++) {
            Property property = properties.get(i);
            Expression written = text.property(JsonText.quoted(property.name()), property.value());
            edges.add(new Edge(i, written, columns + i + 1));
            edges.add(new Edge(columns + i, sequence(comma, written), columns + i + 1));
            if (!property.required()) {
                edges.add(new Edge(i, nothing, i + 1));
                edges.add(new Edge(columns + i, nothing, columns + i + 1));
            }
        }
        int upper = columns - 1;
        int lower = 2 * columns - 1;
        int end = 2 * columns;
        if (more != null) {
            edges.add(new Edge(upper, more, lower));
            edges.add(new Edge(lower, sequence(comma, more), lower));
        }
        if (!some) {
            edges.add(new Edge(upper, nothing, end));
        }
        edges.add(new Edge(lower, nothing, end));
        return Expression.graph(end + 1, edges);
    }

    private Expression atMost(int max, int min, @Nullable Expression more) {
        Expression nothing = sequence();
        if (more == null || max == 0) {
            return nothing;
        }
        Expression comma = sequence(literal(","), compiler.text().space());
        Expression some = sequence(more, Expression.repeat(sequence(comma, more), 0, max - 1));
        return min > 0 ? some : Expression.optional(some);
    }
}
