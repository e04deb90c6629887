package io.sliminfer.grammar.json;

import static io.sliminfer.grammar.Expression.call;
import static io.sliminfer.grammar.Expression.literal;
import static io.sliminfer.grammar.Expression.sequence;

import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.Expression.Edge;
import io.sliminfer.grammar.Grammar;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What parts say of arrays: a chain of items, the last one perhaps a loop. */
final class ArraySchema {

    private static final int UNLIMITED = Integer.MAX_VALUE;

    private final SchemaCompiler compiler;
    private final List<SchemaPart> parts;
    private int min;
    private int max = UNLIMITED;

    ArraySchema(SchemaCompiler compiler, List<SchemaPart> parts) {
        this.compiler = compiler;
        this.parts = parts;
    }

    @Nullable
    Expression expression() {
        int prefix = 0;
        for (SchemaPart part : parts) {
            min = Math.max(min, part.count("minItems", 0));
            max = Math.min(max, part.count("maxItems", UNLIMITED));
            prefix = Math.max(prefix, prefix(part).size());
        }
        for (SchemaPart part : parts) {
            if (part.flag("uniqueItems") && max > 1) {
                throw part.unsupported("uniqueItems", "a grammar does not remember earlier items");
            }
        }
        boolean plain = parts.stream()
                .noneMatch(part -> JsonType.ARRAY.keywords().stream().anyMatch(part::has));
        if (plain) {
            return compiler.text().array();
        }
        List<Expression> items = new ArrayList<>(); // at each place of the prefix, then all further ones
        for (int i = 0; i <= prefix && i < max; i++) {
            Expression item = item(i);
            if (item == null) {
                max = i;
            } else {
                items.add(item);
            }
        }
        return max < min ? null : chain(items);
    }

    private static List<JsonNode> prefix(SchemaPart part) {
        if (part.has("prefixItems")) {
            return part.list("prefixItems");
        }
        return part.has("items") && part.get("items").isArray() ? part.list("items") : List.of();
    }

    private static String prefixKeyword(SchemaPart part) {
        return part.has("prefixItems") ? "prefixItems" : "items";
    }

    /** What all parts say of the item at a place. */
    private @Nullable Expression item(int place) {
        List<SchemaPart> all = new ArrayList<>();
        for (SchemaPart part : parts) {
            List<JsonNode> prefix = prefix(part);
            String further = prefixKeyword(part).equals("items") && !prefix.isEmpty() ? "additionalItems" : "items";
            List<SchemaPart> own = place < prefix.size()
                    ? compiler.parts(prefix.get(place), part.at(prefixKeyword(part)) + "/" + place)
                    : part.has(further) ? compiler.parts(part.get(further), part.at(further)) : List.of();
            if (own == null) {
                return null;
            }
            all.addAll(own);
        }
        return compiler.value(all);
    }

    private Expression chain(List<Expression> items) {
        JsonText text = compiler.text();
        List<Edge> edges = new ArrayList<>();
        // Node i: i items are written, and white space behind them. Where any number may follow, the last node loops.
        int last = max == UNLIMITED ? Math.max(Math.max(min, items.size() - 1), 1) : max;
        for (int i = 0; i < last; i++) {
            edges.add(new Edge(i, further(i, items), i + 1));
        }
        if (max == UNLIMITED) {
            edges.add(new Edge(last, further(last, items), last));
        }
        int end = last + 1;
        for (int i = min; i <= last; i++) {
            edges.add(new Edge(i, literal("]"), end));
        }
        Grammar.Rule rule = compiler.grammar()
                .rule("array at " + parts.get(parts.size() - 1).pointer());
        compiler.grammar().define(rule, sequence(literal("["), text.space(), Expression.graph(end + 1, edges)));
        return call(rule);
    }

    private Expression further(int place, List<Expression> items) {
        Expression item = sequence(
                items.get(Math.min(place, items.size() - 1)), compiler.text().space());
        return place == 0 ? item : sequence(literal(","), compiler.text().space(), item);
    }
}
