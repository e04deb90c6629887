package io.sliminfer.grammar.json;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A schema at its place, with its keywords checked: one of those that a value must meet all of.
 *
 * @param schema  an object
 * @param pointer of the schema in its document
 * @param left    keywords that were dealt with already
 */
record SchemaPart(JsonNode schema, String pointer, Set<String> left) {

    private static final Set<String> ANNOTATIONS = Set.of(
            "$schema",
            "$id",
            "$comment",
            "$defs",
            "definitions",
            "title",
            "description",
            "default",
            "examples",
            "deprecated",
            "readOnly",
            "writeOnly",
            "contentEncoding",
            "contentMediaType");

    private static final Set<String> SUPPORTED = Set.of(
            "$ref",
            "allOf",
            "anyOf",
            "oneOf",
            "type",
            "enum",
            "const",
            "properties",
            "required",
            "additionalProperties",
            "minProperties",
            "maxProperties",
            "items",
            "prefixItems",
            "additionalItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "pattern",
            "format",
            "minLength",
            "maxLength",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf");

    private static final Map<String, String> HINTS = Map.of(
            "nullable", "use \"type\": [\"string\", \"null\"] or anyOf with {\"type\": \"null\"}",
            "not", "a grammar cannot exclude texts; describe what is allowed instead",
            "patternProperties", "use properties, or additionalProperties with one schema for all",
            "if", "use anyOf with one schema for each case",
            "contains", "use prefixItems and items",
            "$dynamicRef", "use $ref",
            "unevaluatedProperties", "use additionalProperties",
            "dependentRequired", "use anyOf with one schema for each case");

    SchemaPart {
        left = Set.copyOf(left);
    }

    /** A schema that is an object, with all of its keywords known. */
    static SchemaPart of(JsonNode schema, String pointer) {
        SchemaPart part = new SchemaPart(schema, pointer, Set.of());
        for (Map.Entry<String, JsonNode> keyword : schema.properties()) {
            String name = keyword.getKey();
            if (!SUPPORTED.contains(name) && !ANNOTATIONS.contains(name) && !name.startsWith("x-")) {
                throw part.unsupported(
                        name, HINTS.getOrDefault(name, "supported keywords are in docs/structured-output.md"));
            }
        }
        if (schema.has("$id") && !pointer.equals("#")) {
            throw part.unsupported("$id", "only the whole schema may have one");
        }
        return part;
    }

    /** The same, with a keyword dealt with. */
    SchemaPart without(String keyword) {
        Set<String> more = new HashSet<>(left);
        more.add(keyword);
        return new SchemaPart(schema, pointer, more);
    }

    boolean has(String keyword) {
        return schema.has(keyword) && !left.contains(keyword);
    }

    JsonNode get(String keyword) {
        return schema.path(keyword);
    }

    String at(String keyword) {
        return pointer + "/" + escape(keyword);
    }

    /** A step of a JSON pointer (RFC 6901). */
    static String escape(String step) {
        return step.replace("~", "~0").replace("/", "~1");
    }

    /** What distinguishes this part from others in the same document. */
    String key() {
        return left.isEmpty() ? pointer : pointer + left.stream().sorted().toList();
    }

    JsonSchemaException unsupported(String keyword, String hint) {
        return new JsonSchemaException(at(keyword), "is not supported: " + hint);
    }

    JsonSchemaException wrong(String keyword, String expected) {
        String found = schema.path(keyword).toString();
        return new JsonSchemaException(
                at(keyword),
                "is " + (found.length() > 100 ? found.substring(0, 100) + "…" : found) + ": " + expected
                        + " is expected");
    }

    /** A count such as {@code minLength}, or a fallback if absent; those above an int's range are its largest. */
    int count(String keyword, int absent) {
        if (!has(keyword)) {
            return absent;
        }
        JsonNode value = get(keyword);
        if (!value.isNumber() || value.decimalValue().signum() < 0 || !isWhole(value.decimalValue())) {
            throw wrong(keyword, "a whole number from 0 on");
        }
        return value.decimalValue().min(BigDecimal.valueOf(Integer.MAX_VALUE)).intValue();
    }

    @Nullable
    BigDecimal decimal(String keyword) {
        if (!has(keyword)) {
            return null;
        }
        JsonNode value = get(keyword);
        if (!value.isNumber()) {
            throw wrong(keyword, "a number");
        }
        BigDecimal decimal = value.decimalValue();
        if (Math.abs((long) decimal.scale()) > 64 || decimal.precision() > 64) {
            throw wrong(keyword, "a number of up to 64 digits");
        }
        return decimal;
    }

    static boolean isWhole(BigDecimal value) {
        return value.signum() == 0
                || value.scale() <= 0
                || value.stripTrailingZeros().scale() <= 0;
    }

    String text(String keyword) {
        if (!get(keyword).isString()) {
            throw wrong(keyword, "a string");
        }
        return get(keyword).stringValue();
    }

    boolean flag(String keyword) {
        if (has(keyword) && !get(keyword).isBoolean()) {
            throw wrong(keyword, "true or false");
        }
        return has(keyword) && get(keyword).booleanValue();
    }

    List<JsonNode> list(String keyword) {
        if (!get(keyword).isArray() || get(keyword).isEmpty()) {
            throw wrong(keyword, "a list that is not empty");
        }
        List<JsonNode> list = new ArrayList<>();
        get(keyword).forEach(list::add);
        return list;
    }

    /** A list of strings, empty if absent. */
    List<String> names(String keyword) {
        List<String> names = new ArrayList<>();
        if (has(keyword)) {
            if (!get(keyword).isArray()) {
                throw wrong(keyword, "a list of strings");
            }
            for (JsonNode name : get(keyword)) {
                if (!name.isString()) {
                    throw wrong(keyword, "a list of strings");
                }
                names.add(name.stringValue());
            }
        }
        return names;
    }
}
