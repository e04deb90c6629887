package io.sliminfer.grammar.json;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A schema's text: read with limits, and what its references point to. */
final class SchemaDocument {

    private static final int LENGTH_MAX = 1 << 20;
    private static final int DEPTH_MAX = 200;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(DEPTH_MAX)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final JsonNode root;

    private SchemaDocument(JsonNode root) {
        this.root = root;
    }

    static SchemaDocument read(String schema) {
        if (schema.length() > LENGTH_MAX) {
            throw new JsonSchemaException(
                    "#", "has " + schema.length() + " characters; at most " + LENGTH_MAX + " are allowed");
        }
        try {
            return new SchemaDocument(MAPPER.readTree(schema));
        } catch (JacksonException e) {
            throw new JsonSchemaException(
                    "#",
                    "is not valid JSON: "
                            + e.getOriginalMessage().lines().findFirst().orElse("unreadable"));
        }
    }

    JsonNode root() {
        return root;
    }

    /**
     * The parts of a schema: itself, and what its {@code $ref} and {@code allOf} add.
     *
     * @return null if one of them is {@code false}
     */
    @Nullable
    List<SchemaPart> parts(JsonNode schema, String pointer) {
        List<SchemaPart> parts = new ArrayList<>();
        return add(schema, pointer, parts, new HashSet<>()) ? parts : null;
    }

    private boolean add(JsonNode schema, String pointer, List<SchemaPart> parts, Set<String> path) {
        if (schema.isBoolean()) {
            return schema.booleanValue();
        }
        if (!schema.isObject()) {
            throw new JsonSchemaException(pointer, "is not a schema: an object, true or false is expected");
        }
        if (!path.add(pointer)) {
            throw new JsonSchemaException(pointer, "refers to itself before it describes anything");
        }
        SchemaPart part = SchemaPart.of(schema, pointer);
        boolean possible = true;
        if (part.has("$ref")) {
            String target = part.text("$ref");
            possible = add(resolve(target, part), target, parts, path);
            part = part.without("$ref");
        }
        if (part.has("allOf")) {
            List<JsonNode> all = part.list("allOf");
            for (int i = 0; i < all.size(); i++) {
                possible &= add(all.get(i), part.at("allOf") + "/" + i, parts, path);
            }
            part = part.without("allOf");
        }
        path.remove(pointer);
        parts.add(part);
        return possible;
    }

    private JsonNode resolve(String reference, SchemaPart part) {
        if (!reference.equals("#") && !reference.startsWith("#/")) {
            throw part.unsupported(
                    "$ref", "\"" + reference + "\" is not a JSON pointer within the schema, such as #/$defs/Address");
        }
        JsonNode node = root;
        for (String step :
                reference.equals("#") ? new String[0] : reference.substring(2).split("/", -1)) {
            String name;
            try {
                name = URLDecoder.decode(step.replace("+", "%2B"), StandardCharsets.UTF_8)
                        .replace("~1", "/")
                        .replace("~0", "~");
            } catch (IllegalArgumentException e) {
                throw part.wrong("$ref", "a JSON pointer");
            }
            node = node.isArray() && name.matches("[0-9]{1,6}") ? node.path(Integer.parseInt(name)) : node.path(name);
        }
        if (node.isMissingNode()) {
            throw part.wrong("$ref", "a place that is in the schema");
        }
        return node;
    }
}
