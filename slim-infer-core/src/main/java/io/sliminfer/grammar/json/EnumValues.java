package io.sliminfer.grammar.json;

import static io.sliminfer.grammar.Expression.literal;
import static io.sliminfer.grammar.Expression.sequence;

import io.sliminfer.grammar.Expression;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** {@code enum} and {@code const}: the values that meet all parts, each written in one way but for white space. */
final class EnumValues {

    private static final int VALUES_MAX = 10_000;

    private final SchemaCompiler compiler;
    private final List<SchemaPart> parts;

    EnumValues(SchemaCompiler compiler, List<SchemaPart> parts) {
        this.compiler = compiler;
        this.parts = parts;
    }

    /** Values that are in each list of the parts; null if there is no list. Other keywords are not looked at. */
    static @Nullable List<JsonNode> of(List<SchemaPart> parts) {
        List<JsonNode> values = null;
        for (SchemaPart part : parts) {
            for (String keyword : List.of("enum", "const")) {
                if (part.has(keyword)) {
                    List<JsonNode> own = keyword.equals("enum") ? part.list("enum") : List.of(part.get("const"));
                    if (own.size() > VALUES_MAX) {
                        throw part.unsupported("enum", "more than " + VALUES_MAX + " values");
                    }
                    values = values == null
                            ? own
                            : values.stream()
                                    .filter(value -> own.stream().anyMatch(other -> Alternatives.same(value, other)))
                                    .toList();
                }
            }
        }
        return values;
    }

    @Nullable
    Expression expression() {
        List<JsonNode> values = of(parts);
        EnumSet<JsonType> types = JsonType.ofAll(parts);
        List<Expression> possible = new ArrayList<>();
        for (JsonNode value : values == null ? List.<JsonNode>of() : values) {
            if (JsonType.includes(types, JsonType.of(value)) && meetsOtherKeywords(value)) {
                possible.add(written(value));
            }
        }
        return possible.isEmpty() ? null : Expression.choice(possible);
    }

    private boolean meetsOtherKeywords(JsonNode value) {
        JsonType type = JsonType.of(value);
        return switch (type) {
            case STRING -> StringSchema.of(parts).allows(value.stringValue());
            case INTEGER, NUMBER -> NumberSchema.of(parts, false).allows(value.decimalValue());
            case ARRAY, OBJECT -> {
                Set<String> keywords = type.keywords();
                for (SchemaPart part : parts) {
                    for (String keyword : keywords) {
                        if (part.has(keyword)) {
                            throw part.unsupported(
                                    keyword, "not together with enum or const, whose values are lists or objects");
                        }
                    }
                }
                yield true;
            }
            default -> true;
        };
    }

    private Expression written(JsonNode value) {
        if (value.isString()) {
            return JsonText.quoted(value.stringValue());
        }
        if (!value.isContainer()) {
            return literal(value.toString());
        }
        JsonText text = compiler.text();
        List<Expression> all = new ArrayList<>();
        all.add(literal(value.isArray() ? "[" : "{"));
        all.add(text.space());
        boolean first = true;
        if (value.isArray()) {
            for (JsonNode item : value) {
                addSeparator(first, all);
                all.add(sequence(written(item), text.space()));
                first = false;
            }
        } else {
            for (Map.Entry<String, JsonNode> field : value.properties()) {
                addSeparator(first, all);
                all.add(text.property(JsonText.quoted(field.getKey()), written(field.getValue())));
                first = false;
            }
        }
        all.add(literal(value.isArray() ? "]" : "}"));
        return sequence(all);
    }

    private void addSeparator(boolean first, List<Expression> all) {
        if (!first) {
            all.add(literal(","));
            all.add(compiler.text().space());
        }
    }
}
