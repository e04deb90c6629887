package io.sliminfer.grammar.json;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * {@code anyOf} and {@code oneOf} as lists of parts. {@code oneOf} wants exactly one to fit, which a grammar cannot count: it is
 * supported where no value fits two, because types, constants or required properties differ.
 */
final class Alternatives {

    /** How deep properties are compared. */
    private static final int DEPTH_MAX = 4;

    private final SchemaDocument document;

    Alternatives(SchemaDocument document) {
        this.document = document;
    }

    /** Lists of which a value must meet one; null if the parts have no alternatives. */
    @Nullable
    List<List<SchemaPart>> of(List<SchemaPart> parts) {
        for (int i = 0; i < parts.size(); i++) {
            for (String keyword : List.of("anyOf", "oneOf")) {
                if (parts.get(i).has(keyword)) {
                    return split(parts, i, keyword);
                }
            }
        }
        return null;
    }

    private List<List<SchemaPart>> split(List<SchemaPart> parts, int index, String keyword) {
        SchemaPart part = parts.get(index);
        List<JsonNode> schemas = part.list(keyword);
        List<List<SchemaPart>> branches = new ArrayList<>();
        List<Integer> numbers = new ArrayList<>();
        for (int i = 0; i < schemas.size(); i++) {
            List<SchemaPart> own = document.parts(schemas.get(i), part.at(keyword) + "/" + i);
            if (own != null) {
                List<SchemaPart> branch = new ArrayList<>(parts);
                branch.set(index, part.without(keyword));
                branch.addAll(own);
                branches.add(branch);
                numbers.add(i);
            }
        }
        if (keyword.equals("oneOf")) {
            for (int i = 0; i < branches.size(); i++) {
                for (int j = 0; j < i; j++) {
                    if (!disjoint(branches.get(i), branches.get(j), 0)) {
                        throw part.unsupported(
                                "oneOf",
                                "alternatives " + numbers.get(j) + " and " + numbers.get(i)
                                        + " may both fit one value. Use anyOf, or give them a required property with different constants");
                    }
                }
            }
        }
        return branches;
    }

    /** Whether it is certain that no value meets both lists. */
    private boolean disjoint(@Nullable List<SchemaPart> a, @Nullable List<SchemaPart> b, int depth) {
        if (a == null || b == null) {
            return true;
        }
        if (depth > DEPTH_MAX) {
            return false;
        }
        List<List<SchemaPart>> ofA = of(a);
        if (ofA != null) {
            return ofA.stream().allMatch(branch -> disjoint(branch, b, depth + 1));
        }
        List<List<SchemaPart>> ofB = of(b);
        if (ofB != null) {
            return ofB.stream().allMatch(branch -> disjoint(a, branch, depth + 1));
        }
        List<JsonNode> valuesA = EnumValues.of(a);
        List<JsonNode> valuesB = EnumValues.of(b);
        if (valuesA != null && valuesB != null) {
            return valuesA.stream().noneMatch(value -> valuesB.stream().anyMatch(other -> same(value, other)));
        }
        EnumSet<JsonType> types = JsonType.both(types(a, valuesA), types(b, valuesB));
        if (types.isEmpty()) {
            return true;
        }
        return types.equals(EnumSet.of(JsonType.OBJECT))
                && (propertyDiffers(a, b, depth) || propertyDiffers(b, a, depth));
    }

    private static Set<JsonType> types(List<SchemaPart> parts, @Nullable List<JsonNode> values) {
        EnumSet<JsonType> types = JsonType.ofAll(parts);
        if (values == null) {
            return types;
        }
        EnumSet<JsonType> ofValues = EnumSet.noneOf(JsonType.class);
        values.forEach(value -> ofValues.add(JsonType.of(value)));
        return JsonType.both(types, ofValues);
    }

    private boolean propertyDiffers(List<SchemaPart> a, List<SchemaPart> b, int depth) {
        for (SchemaPart part : a) {
            for (String name : part.names("required")) {
                if (forbids(b, name)
                        || (requires(b, name) && disjoint(property(a, name), property(b, name), depth + 1))) {
                    return true;
                }
            }
        }
        return false;
    }

    private static boolean requires(List<SchemaPart> parts, String name) {
        return parts.stream().anyMatch(part -> part.names("required").contains(name));
    }

    private static boolean forbids(List<SchemaPart> parts, String name) {
        return parts.stream()
                .anyMatch(part -> part.has("additionalProperties")
                        && part.get("additionalProperties").isBoolean()
                        && !part.get("additionalProperties").booleanValue()
                        && !part.get("properties").has(name));
    }

    /** What parts say of a property, so far as they name it. */
    private @Nullable List<SchemaPart> property(List<SchemaPart> parts, String name) {
        List<SchemaPart> all = new ArrayList<>();
        for (SchemaPart part : parts) {
            if (part.has("properties") && part.get("properties").has(name)) {
                List<SchemaPart> own = document.parts(
                        part.get("properties").path(name), part.at("properties") + "/" + SchemaPart.escape(name));
                if (own == null) {
                    return null;
                }
                all.addAll(own);
            }
        }
        return all;
    }

    /** Equality of JSON Schema: numbers by value, objects whatever the order. */
    static boolean same(JsonNode a, JsonNode b) {
        if (a.isNumber() && b.isNumber()) {
            return compare(a.decimalValue(), b.decimalValue());
        }
        if (a.isArray() && b.isArray() && a.size() == b.size()) {
            for (int i = 0; i < a.size(); i++) {
                if (!same(a.get(i), b.get(i))) {
                    return false;
                }
            }
            return true;
        }
        if (a.isObject() && b.isObject() && a.size() == b.size()) {
            return a.properties().stream()
                    .allMatch(field -> b.has(field.getKey()) && same(field.getValue(), b.get(field.getKey())));
        }
        return a.equals(b);
    }

    private static boolean compare(BigDecimal a, BigDecimal b) {
        return a.compareTo(b) == 0;
    }
}
