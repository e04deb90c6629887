package io.sliminfer.grammar.json;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** The types of JSON Schema. */
enum JsonType {
    NULL,
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    ARRAY,
    OBJECT;

    private static final List<Set<String>> KEYWORDS = List.of(
            Set.of(),
            Set.of(),
            Set.of(),
            Set.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
            Set.of("pattern", "format", "minLength", "maxLength"),
            Set.of("items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems"),
            Set.of("properties", "required", "additionalProperties", "minProperties", "maxProperties"));

    /** Keywords that constrain values of this type. */
    Set<String> keywords() {
        return KEYWORDS.get(ordinal());
    }

    static EnumSet<JsonType> all() {
        return EnumSet.complementOf(EnumSet.of(INTEGER)); // an integer is a number
    }

    /** Types that a part says, or all. */
    static EnumSet<JsonType> said(SchemaPart part) {
        if (!part.has("type")) {
            return all();
        }
        EnumSet<JsonType> types = EnumSet.noneOf(JsonType.class);
        for (JsonNode type : part.get("type").isArray() ? part.list("type") : List.of(part.get("type"))) {
            types.add(parse(type, part));
        }
        if (types.contains(NUMBER)) {
            types.remove(INTEGER);
        }
        return types;
    }

    private static JsonType parse(JsonNode type, SchemaPart part) {
        for (JsonType known : values()) {
            if (type.isString() && known.name().toLowerCase(Locale.ROOT).equals(type.stringValue())) {
                return known;
            }
        }
        throw part.wrong("type", "one of null, boolean, integer, number, string, array, object, or a list of these");
    }

    /** Types of values that are of both. */
    static EnumSet<JsonType> both(Set<JsonType> a, Set<JsonType> b) {
        EnumSet<JsonType> both = EnumSet.noneOf(JsonType.class);
        for (JsonType type : a) {
            if (b.contains(type)) {
                both.add(type);
            } else if ((type == INTEGER && b.contains(NUMBER)) || (type == NUMBER && b.contains(INTEGER))) {
                both.add(INTEGER);
            }
        }
        return both;
    }

    /** Types that no part rules out. */
    static EnumSet<JsonType> ofAll(List<SchemaPart> parts) {
        EnumSet<JsonType> types = all();
        for (SchemaPart part : parts) {
            types = both(types, said(part));
        }
        return types;
    }

    static JsonType of(JsonNode value) {
        return switch (value.getNodeType()) {
            case NULL -> NULL;
            case BOOLEAN -> BOOLEAN;
            case STRING -> STRING;
            case ARRAY -> ARRAY;
            case OBJECT -> OBJECT;
            default -> SchemaPart.isWhole(value.decimalValue()) ? INTEGER : NUMBER;
        };
    }

    /** Whether values of a type are of one of these. */
    static boolean includes(Set<JsonType> types, JsonType type) {
        return types.contains(type) || (type == INTEGER && types.contains(NUMBER));
    }
}
