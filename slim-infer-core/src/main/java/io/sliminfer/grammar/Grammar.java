package io.sliminfer.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A context-free grammar over bytes: rules, each an {@link Expression}, compiled to a pushdown automaton. Rules that are not
 * recursive may be as deep as they are; recursive ones nest up to a depth that is set when the grammar is built, and where
 * something deeper could no longer be completed it is not begun. So every prefix that is accepted can be completed. Immutable and
 * thread-safe.
 */
public final class Grammar {

    /** Most states of a grammar's automaton; a table of as many rows is held for each grammar in use. */
    static final int STATES_MAX = 20_000;

    private static final int NODES_MAX = 400_000;
    private static final int RULES_MAX = 2_000;

    /** How much of a text a grammar accepts. */
    public enum Match {
        /** The whole text is derived. */
        COMPLETE,
        /** More must follow. */
        PREFIX,
        /** Whatever follows, the text is not derived. */
        NONE
    }

    private final Automaton automaton;
    private final int depthMax;
    private final Builder source;
    private final Rule start;

    private Grammar(Automaton automaton, int depthMax, Builder source, Rule start) {
        this.automaton = automaton;
        this.depthMax = depthMax;
        this.source = source;
        this.start = start;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** A grammar of one expression without recursion. */
    public static Grammar of(Expression expression) {
        Builder builder = builder();
        Rule start = builder.rule("answer");
        builder.define(start, expression);
        return builder.build(start, 0);
    }

    /** This grammar with something before it that calls no rule. */
    public Grammar after(Expression prefix) {
        Builder builder = source.copy();
        Rule whole = builder.rule("answer");
        builder.define(whole, Expression.sequence(prefix, Expression.call(start)));
        return builder.build(whole, depthMax);
    }

    /**
     * What this grammar derives, or something else.
     *
     * @param other    adds its rules and returns the alternative
     * @param depthMax of the alternative's recursive rules, see {@link Builder#build}; the deeper one of both counts for all
     */
    public Grammar or(Function<Builder, Expression> other, int depthMax) {
        Builder builder = source.copy();
        Rule whole = builder.rule("answer");
        builder.define(whole, Expression.choice(Expression.call(start), other.apply(builder)));
        return builder.build(whole, Math.max(this.depthMax, depthMax));
    }

    Automaton automaton() {
        return automaton;
    }

    int depthMax() {
        return depthMax;
    }

    /** Whether a text is derived, or is the beginning of one that is. */
    public Match match(String text) {
        Frontiers frontiers = new Frontiers(automaton, depthMax);
        Frontier at = frontiers.start();
        for (byte value : text.getBytes(StandardCharsets.UTF_8)) {
            at = frontiers.step(at, value & 0xff);
            if (at == Frontier.DEAD) {
                return Match.NONE;
            }
        }
        return at.complete() ? Match.COMPLETE : Match.PREFIX;
    }

    /** A name that expressions may call. */
    public static final class Rule {
        private final Builder owner;
        private final int index;
        private final String name;

        private Rule(Builder owner, int index, String name) {
            this.owner = owner;
            this.index = index;
            this.name = name;
        }

        int index() {
            return index;
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /** Collects rules. Not thread-safe. */
    public static final class Builder {

        private final List<Rule> rules = new ArrayList<>();
        private final List<@Nullable Definition> definitions = new ArrayList<>();

        /**
         * A rule's right side.
         *
         * @param counted null for an ordinary rule
         */
        private record Definition(Expression expression, @Nullable Counted counted) {}

        /** @param max -1 for no limit */
        record Counted(int min, int max, int terminator) {}

        private Builder() {}

        private Builder copy() {
            Builder copy = new Builder();
            copy.rules.addAll(rules); // calls know rules by their index
            copy.definitions.addAll(definitions);
            return copy;
        }

        /** A new rule, which has to be defined before the grammar is built. */
        public Rule rule(String name) {
            if (rules.size() >= RULES_MAX) {
                throw new GrammarException("the grammar is too large: it has more than " + RULES_MAX + " rules");
            }
            Rule rule = new Rule(this, rules.size(), name);
            rules.add(rule);
            definitions.add(null);
            return rule;
        }

        public void define(Rule rule, Expression expression) {
            set(rule, new Definition(expression, null));
        }

        /**
         * Defines a rule as {@code unit}, {@code min} to {@code max} times, and a terminating byte. Takes the memory of one unit,
         * however large the numbers.
         *
         * @param unit       calls no rule, is not empty, and no text of it is the beginning of another or begins with the terminator
         * @param max        -1 for no limit
         */
        public void defineCounted(Rule rule, Expression unit, int min, int max, int terminator) {
            if (min < 0 || max < -1 || (max >= 0 && max < min) || terminator < 0 || terminator > 255) {
                throw new IllegalArgumentException(
                        "no counts: " + min + " to " + max + ", ended by byte " + terminator);
            }
            set(rule, new Definition(unit, new Counted(min, max, terminator)));
        }

        private void set(Rule rule, Definition definition) {
            if (rule.owner != this || definitions.get(rule.index) != null) {
                throw new IllegalArgumentException("rule " + rule + " is of another grammar, or was defined before");
            }
            definitions.set(rule.index, definition);
        }

        /**
         * Compiles what can be reached from {@code start}.
         *
         * @param depthMax how deep recursive rules may nest: calls that are open at a time of one such rule by another
         * @throws GrammarException if a rule is not defined or recurses before it takes a byte, nothing is derived, or the
         *     automaton is too large
         */
        public Grammar build(Rule start, int depthMax) {
            List<Nfa> nfas = new ArrayList<>();
            int nodes = 0;
            for (Rule rule : rules) {
                Definition definition = definitions.get(rule.index);
                if (definition == null) {
                    throw new GrammarException("rule " + rule + " is not defined");
                }
                Nfa nfa = new Nfa(rule.name, NODES_MAX - nodes);
                definition.expression().build(nfa, Nfa.START, Nfa.END);
                if (definition.counted() != null) { // makes the terminator a byte class of its own
                    nfa.bytes(
                            nfa.node(),
                            definition.counted().terminator(),
                            definition.counted().terminator(),
                            Nfa.END);
                }
                nodes += nfa.nodes();
                nfas.add(nfa);
            }
            ByteClasses classes = ByteClasses.of(nfas);
            Automaton.Assembly assembly = new Automaton.Assembly(classes, rules);
            for (Rule rule : rules) {
                Dfa dfa = Dfa.of(nfas.get(rule.index), classes, rule.name, STATES_MAX - assembly.states());
                Definition definition = definitions.get(rule.index);
                if (definition != null && definition.counted() != null) {
                    Counted counted = definition.counted();
                    assembly.counted(rule, dfa, counted.min(), counted.max(), classes.of(counted.terminator()));
                } else {
                    assembly.plain(rule, dfa);
                }
            }
            return new Grammar(assembly.finish(start, depthMax), depthMax, copy(), start);
        }
    }
}
