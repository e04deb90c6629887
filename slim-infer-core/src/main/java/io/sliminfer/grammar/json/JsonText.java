package io.sliminfer.grammar.json;

import static io.sliminfer.grammar.Expression.call;
import static io.sliminfer.grammar.Expression.choice;
import static io.sliminfer.grammar.Expression.literal;
import static io.sliminfer.grammar.Expression.optional;
import static io.sliminfer.grammar.Expression.range;
import static io.sliminfer.grammar.Expression.repeat;
import static io.sliminfer.grammar.Expression.sequence;

import io.sliminfer.grammar.Expression;
import io.sliminfer.grammar.Expression.Edge;
import io.sliminfer.grammar.Grammar;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The parts of JSON (RFC 8259) as rules of one grammar, with its notation: white space is nothing, one space, or one line break
 * with up to {@value #INDENT_MAX} spaces or tabs, so that a model cannot go on writing it for ever; strings have no half
 * surrogate pairs.
 */
final class JsonText {

    private static final int INDENT_MAX = 64;

    private final Grammar.Builder grammar;
    private final Map<String, Expression> texts = new HashMap<>();
    private final Expression space;
    private @Nullable Expression string;
    private @Nullable Expression number;
    private Grammar.@Nullable Rule value;
    private Grammar.@Nullable Rule object;
    private Grammar.@Nullable Rule array;

    JsonText(Grammar.Builder grammar) {
        this.grammar = grammar;
        Expression indent = repeat(choice(literal(" "), literal("\t")), 0, INDENT_MAX);
        this.space = rule(
                "white space",
                optional(choice(literal(" "), sequence(optional(literal("\r")), literal("\n"), indent))));
    }

    /** White space that may stand between two parts. */
    Expression space() {
        return space;
    }

    private Expression rule(String name, Expression expression) {
        Grammar.Rule rule = grammar.rule(name);
        grammar.define(rule, expression);
        return call(rule);
    }

    /** Any string, with any escapes. */
    Expression string() {
        if (string == null) {
            string = rule("string", sequence(literal("\""), repeat(character()), literal("\"")));
        }
        return string;
    }

    /**
     * Any string of a number of characters.
     *
     * @param max -1 for no limit
     */
    Expression string(int min, int max) {
        return texts.computeIfAbsent("string of " + min + " to " + max, name -> {
            Grammar.Rule rule = grammar.rule(name);
            grammar.defineCounted(rule, character(), min, max, '"');
            return sequence(literal("\""), call(rule));
        });
    }

    /** One character of a string, as itself or as an escape. */
    private static Expression character() {
        List<Expression> forms = new ArrayList<>();
        addUnescaped(0, CharRanges.LAST, forms);
        Expression hex = choice(range('0', '9'), range('a', 'f'), range('A', 'F'));
        Expression d = choice(literal("d"), literal("D"));
        Expression notSurrogate = choice(
                sequence(
                        choice(range('0', '9'), range('a', 'c'), range('A', 'C'), range('e', 'f'), range('E', 'F')),
                        hex),
                sequence(d, range('0', '7')));
        Expression high = sequence(d, choice(range('8', '9'), range('a', 'b'), range('A', 'B')));
        Expression low = sequence(d, choice(range('c', 'f'), range('C', 'F')));
        forms.add(sequence(
                literal("\\"),
                choice(
                        choice("\"\\/bfnrt".chars().mapToObj(c -> range(c, c)).toList()),
                        sequence(literal("u"), notSurrogate, hex, hex),
                        sequence(literal("u"), high, hex, hex, literal("\\u"), low, hex, hex))));
        return choice(forms);
    }

    /** Characters that may stand for themselves. */
    private static void addUnescaped(int low, int high, List<Expression> out) {
        int[][] allowed = {{0x20, '"' - 1}, {'"' + 1, '\\' - 1}, {'\\' + 1, CharRanges.LAST}};
        for (int[] range : allowed) {
            if (Math.max(low, range[0]) <= Math.min(high, range[1])) {
                Utf8.addRange(Math.max(low, range[0]), Math.min(high, range[1]), out);
            }
        }
    }

    /**
     * Strings of some texts, in one notation: characters as themselves, {@code "}, {@code \} and control characters as their short
     * escapes or {@code \}{@code u00..}.
     *
     * @param name of the texts: the same name, the same texts
     */
    Expression string(String name, CharDfa content) {
        return texts.computeIfAbsent(
                name, missing -> rule(name, sequence(literal("\""), escaped(content), literal("\""))));
    }

    /** Texts that need no escapes, such as numbers, without quotes. */
    Expression bare(String name, CharDfa content) {
        return texts.computeIfAbsent(name, missing -> rule(name, escaped(content)));
    }

    private static Expression escaped(CharDfa content) {
        int states = content.moves().length;
        List<Edge> edges = new ArrayList<>();
        for (int state = 0; state < states; state++) {
            int[] moves = content.moves()[state];
            for (int i = 0; i < moves.length; i += 3) {
                List<Expression> forms = new ArrayList<>();
                addUnescaped(moves[i], moves[i + 1], forms);
                addEscaped(moves[i], moves[i + 1], forms);
                for (Expression form : forms) {
                    edges.add(new Edge(state, form, moves[i + 2]));
                }
            }
            if (content.accepts().get(state)) {
                edges.add(new Edge(state, literal(""), states));
            }
        }
        return Expression.graph(states + 1, edges);
    }

    private static void addEscaped(int low, int high, List<Expression> out) {
        for (int c = low; c <= Math.min(high, '\\'); c = c == 0x1f ? '"' : c == '"' ? '\\' : c + 1) {
            if (c < 0x20 || c == '"' || c == '\\') {
                int known = "\b\f\n\r\t\"\\".indexOf(c);
                if (known >= 0) {
                    out.add(literal("\\" + "bfnrt\"\\".charAt(known)));
                } else {
                    String digits = String.format("%04x", c);
                    out.add(literal("\\u" + digits));
                    if (!digits.equals(digits.toUpperCase(java.util.Locale.ROOT))) {
                        out.add(literal("\\u" + digits.toUpperCase(java.util.Locale.ROOT)));
                    }
                }
            } else {
                c = c < '"' ? '"' - 1 : '\\' - 1; // the loop goes on at the next one that is escaped
            }
        }
    }

    /** A fixed string as a value or a name. */
    static Expression quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int known = "\b\f\n\r\t\"\\".indexOf(c);
            if (known >= 0) {
                json.append('\\').append("bfnrt\"\\".charAt(known));
            } else if (c < 0x20) {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        return literal(json.append('"').toString());
    }

    Expression number() {
        if (number == null) {
            number = bare("number", NumberText.number());
        }
        return number;
    }

    /** Any value. */
    Expression value() {
        if (value == null) {
            value = grammar.rule("value");
            grammar.define(
                    value,
                    choice(string(), number(), literal("true"), literal("false"), literal("null"), object(), array()));
        }
        return call(value);
    }

    /** Any object. */
    Expression object() {
        if (object == null) {
            object = grammar.rule("object");
            grammar.define(object, map(string(), value()));
        }
        return call(object);
    }

    Expression array() {
        if (array == null) {
            array = grammar.rule("array");
            Expression item = sequence(value(), space());
            grammar.define(
                    array,
                    sequence(
                            literal("["),
                            space(),
                            optional(sequence(item, repeat(sequence(literal(","), space(), item)))),
                            literal("]")));
        }
        return call(array);
    }

    /** An object of any number of properties. */
    Expression map(Expression name, Expression value) {
        Expression property = property(name, value);
        return sequence(
                literal("{"),
                space(),
                optional(sequence(property, repeat(sequence(literal(","), space(), property)))),
                literal("}"));
    }

    /** Name, colon and value, and the white space behind it. */
    Expression property(Expression name, Expression value) {
        return sequence(name, optional(literal(" ")), literal(":"), space(), value, space());
    }
}
