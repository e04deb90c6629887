package io.sliminfer.chat;

import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.json.JsonGrammars;
import org.jspecify.annotations.Nullable;

/**
 * What an answer must look like. Enforced token by token, so an answer that was not cut off has the format; docs/structured-output.md
 * says what is supported.
 */
public sealed interface ResponseFormat {

    /** Anything. */
    ResponseFormat TEXT = new Text();

    /** Any JSON object. */
    ResponseFormat JSON_OBJECT = new JsonObject();

    /** The grammar of answers, or null if they may be anything. Compiled anew at each call. */
    @Nullable
    Grammar grammar();

    /** Anything. */
    record Text() implements ResponseFormat {
        @Override
        public @Nullable Grammar grammar() {
            return null;
        }
    }

    /** Any JSON object. */
    record JsonObject() implements ResponseFormat {
        @Override
        public Grammar grammar() {
            return JsonGrammars.object();
        }
    }

    /**
     * JSON that a JSON Schema describes.
     *
     * @param schema its text
     */
    record JsonSchema(String schema) implements ResponseFormat {

        /** @throws io.sliminfer.grammar.json.JsonSchemaException if the schema cannot be enforced */
        @Override
        public Grammar grammar() {
            return JsonGrammars.schema(schema);
        }
    }

    /** What a grammar derives. */
    record Custom(Grammar grammar) implements ResponseFormat {}
}
