package io.sliminfer.grammar;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A regular expression over bytes whose leaves may also be rules: the right side of a rule. Immutable; made by the methods here.
 */
public abstract sealed class Expression {

    private Expression() {}

    /** The UTF-8 bytes of a text. */
    public static Expression literal(String text) {
        return new Literal(text.getBytes(StandardCharsets.UTF_8));
    }

    /** One byte of a range, ends included. */
    public static Expression range(int low, int high) {
        if (low < 0 || high > 255 || low > high) {
            throw new IllegalArgumentException("no range of bytes: " + low + " to " + high);
        }
        return new Range(low, high);
    }

    /** One after the other; nothing if there is none. */
    public static Expression sequence(Expression... parts) {
        return new Sequence(List.of(parts));
    }

    public static Expression sequence(List<Expression> parts) {
        return new Sequence(List.copyOf(parts));
    }

    /** Any one of them. */
    public static Expression choice(Expression... alternatives) {
        return choice(List.of(alternatives));
    }

    public static Expression choice(List<Expression> alternatives) {
        if (alternatives.isEmpty()) {
            throw new IllegalArgumentException("a choice needs an alternative");
        }
        return new Choice(List.copyOf(alternatives));
    }

    public static Expression optional(Expression part) {
        return new Repeat(part, 0, 1);
    }

    /** Any number of times. */
    public static Expression repeat(Expression part) {
        return new Repeat(part, 0, Integer.MAX_VALUE);
    }

    /**
     * @param max {@link Integer#MAX_VALUE} for any number of times
     */
    public static Expression repeat(Expression part, int min, int max) {
        if (min < 0 || max < min) {
            throw new IllegalArgumentException("no number of repeats: " + min + " to " + max);
        }
        return new Repeat(part, min, max);
    }

    /** What a rule derives. */
    public static Expression call(Grammar.Rule rule) {
        return new Call(rule);
    }

    /**
     * Paths through nodes, for what a tree would have to say twice.
     *
     * @param nodes node 0 is the start, the last one the end
     */
    public static Expression graph(int nodes, List<Edge> edges) {
        return new Graph(nodes, List.copyOf(edges));
    }

    /** A way from one node to another; an empty sequence for a free one. */
    public record Edge(int from, Expression label, int to) {}

    /** Adds the paths of this expression between two nodes. */
    abstract void build(Nfa nfa, int from, int to);

    private static final class Literal extends Expression {
        private final byte[] bytes;

        Literal(byte[] bytes) {
            this.bytes = bytes;
        }

        @Override
        void build(Nfa nfa, int from, int to) {
            int at = from;
            for (int i = 0; i < bytes.length; i++) {
                int next = i == bytes.length - 1 ? to : nfa.node();
                nfa.bytes(at, bytes[i] & 0xff, bytes[i] & 0xff, next);
                at = next;
            }
            if (bytes.length == 0) {
                nfa.free(from, to);
            }
        }
    }

    private static final class Range extends Expression {
        private final int low;
        private final int high;

        Range(int low, int high) {
            this.low = low;
            this.high = high;
        }

        @Override
        void build(Nfa nfa, int from, int to) {
            nfa.bytes(from, low, high, to);
        }
    }

    private static final class Sequence extends Expression {
        private final List<Expression> parts;

        Sequence(List<Expression> parts) {
            this.parts = parts;
        }

        @Override
        void build(Nfa nfa, int from, int to) {
            int at = from;
            for (int i = 0; i < parts.size(); i++) {
                int next = i == parts.size() - 1 ? to : nfa.node();
                parts.get(i).build(nfa, at, next);
                at = next;
            }
            if (parts.isEmpty()) {
                nfa.free(from, to);
            }
        }
    }

    private static final class Choice extends Expression {
        private final List<Expression> alternatives;

        Choice(List<Expression> alternatives) {
            this.alternatives = alternatives;
        }

        @Override
        void build(Nfa nfa, int from, int to) {
            for (Expression alternative : alternatives) {
                // Nodes of its own: a loop at one alternative's ends must not be open to the others.
                int start = nfa.node();
                int end = nfa.node();
                nfa.free(from, start);
                alternative.build(nfa, start, end);
                nfa.free(end, to);
            }
        }
    }

    private static final class Repeat extends Expression {
        private final Expression part;
        private final int min;
        private final int max;

        Repeat(Expression part, int min, int max) {
            this.part = part;
            this.min = min;
            this.max = max;
        }

        @Override
        void build(Nfa nfa, int from, int to) {
            int at = from;
            for (int i = 0; i < min; i++) {
                int next = nfa.node();
                part.build(nfa, at, next);
                at = next;
            }
            if (max == Integer.MAX_VALUE) {
                int loop = nfa.node();
                int back = nfa.node();
                nfa.free(at, loop);
                part.build(nfa, loop, back);
                nfa.free(back, loop);
                nfa.free(loop, to);
                return;
            }
            nfa.free(at, to);
            for (int i = min; i < max; i++) {
                int next = nfa.node();
                part.build(nfa, at, next);
                nfa.free(next, to);
                at = next;
            }
        }
    }

    private static final class Call extends Expression {
        private final Grammar.Rule rule;

        Call(Grammar.Rule rule) {
            this.rule = rule;
        }

        @Override
        void build(Nfa nfa, int from, int to) {
            nfa.call(from, rule.index(), to);
        }
    }

    private static final class Graph extends Expression {
        private final int nodes;
        private final List<Edge> edges;

        Graph(int nodes, List<Edge> edges) {
            this.nodes = nodes;
            this.edges = edges;
        }

        @Override
        void build(Nfa nfa, int from, int to) {
            int[] own = new int[nodes];
            for (int i = 0; i < nodes; i++) {
                own[i] = nfa.node();
            }
            nfa.free(from, own[0]);
            for (Edge edge : edges) {
                edge.label().build(nfa, own[edge.from()], own[edge.to()]);
            }
            nfa.free(own[nodes - 1], to);
        }
    }
}
