package io.sliminfer.grammar.json;

import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.Expression.Edge;
import io.sliminfer.grammar.Grammar;
import java.util.ArrayList;
import java.util.List;

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

    /** Any text, in UTF-8. */
    public static Expression text() {
        List<Expression> characters = new ArrayList<>();
        Utf8.addRange(0, CharRanges.LAST, characters);
        return Expression.repeat(Expression.choice(characters));
    }

    /** Any text that ends with a mark and does not have it earlier. */
    public static Expression textUpTo(String mark) {
        Regex any = Regex.any(Regex.chars(CharRanges.ALL));
        CharDfa before = CharDfa.of(any).without(CharDfa.of(Regex.sequence(any, Regex.text(mark), any)));
        CharDfa all = CharDfa.of(Regex.sequence(Regex.of(before), Regex.text(mark)));
        int states = all.moves().length;
        List<Edge> edges = new ArrayList<>();
        for (int state = 0; state < states; state++) {
            int[] moves = all.moves()[state];
            for (int i = 0; i < moves.length; i += 3) {
                List<Expression> bytes = new ArrayList<>();
                Utf8.addRange(moves[i], moves[i + 1], bytes);
                for (Expression form : bytes) {
                    edges.add(new Edge(state, form, moves[i + 2]));
                }
            }
            if (all.accepts().get(state)) {
                edges.add(new Edge(state, Expression.literal(""), states));
            }
        }
        return Expression.graph(states + 1, edges);
    }
}
