package io.sliminfer.grammar.json;

import io.sliminfer.grammar.Grammar;

/**
 * Grammars of JSON texts. The notation of all: RFC 8259 in UTF-8; white space is nothing, one space, or one line break with up to 64
 * spaces or tabs, none before and none behind the text; objects and arrays within each other nest up to {@value #DEPTH_MAX} levels
 * where they are recursive.
 */
public final class JsonGrammars {

    /** How deep values nest where a schema, or its lack, lets them nest without end. */
    public static final int DEPTH_MAX = 64;

    private JsonGrammars() {}

    /** Any JSON object. */
    public static Grammar object() {
        Grammar.Builder grammar = Grammar.builder();
        Grammar.Rule start = grammar.rule("JSON object");
        grammar.define(start, new JsonText(grammar).object());
        return grammar.build(start, DEPTH_MAX);
    }

    /**
     * What a JSON Schema describes (draft 2020-12, and of older drafts what means the same). Properties come in the schema's
     * order. All that is supported and how it is written: docs/structured-output.md.
     *
     * @throws JsonSchemaException naming the place and keyword if the schema cannot be enforced, is not a schema, or describes nothing
     */
    public static Grammar schema(String schema) {
        Grammar.Builder grammar = Grammar.builder();
        return grammar.build(addSchema(grammar, schema), DEPTH_MAX);
    }

    /**
     * Adds rules for a JSON Schema to a grammar that holds more.
     *
     * @return the rule of the whole schema
     * @throws JsonSchemaException as {@link #schema}
     */
    public static Grammar.Rule addSchema(Grammar.Builder grammar, String schema) {
        return new SchemaCompiler(SchemaDocument.read(schema), grammar).compile();
    }
}
