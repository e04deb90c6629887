package io.sliminfer.grammar.json;

import java.util.ArrayList;
import java.util.List;

/** A regular expression over characters. Immutable. */
abstract sealed class Regex {

    static final Regex EMPTY = new Sequence(List.of());

    private Regex() {}

    /** Adds the paths of this expression between two nodes. */
    abstract void build(CharNfa nfa, int from, int to);

    static Regex text(String text) {
        return new Sequence(
                text.codePoints().mapToObj(c -> chars(CharRanges.of(c, c))).toList());
    }

    static Regex chars(CharRanges ranges) {
        return new Characters(ranges);
    }

    static Regex chars(int low, int high) {
        return chars(CharRanges.of(low, high));
    }

    static Regex sequence(Regex... parts) {
        return new Sequence(List.of(parts));
    }

    static Regex sequence(List<Regex> parts) {
        return new Sequence(List.copyOf(parts));
    }

    /** Any of them; nothing at all, not even the empty text, if there is none. */
    static Regex choice(List<Regex> alternatives) {
        return new Choice(List.copyOf(alternatives));
    }

    static Regex choice(Regex... alternatives) {
        return new Choice(List.of(alternatives));
    }

    static Regex repeat(Regex part, int min, int max) {
        return new Repeat(part, min, max);
    }

    static Regex any(Regex part) {
        return new Repeat(part, 0, Integer.MAX_VALUE);
    }

    static Regex of(CharDfa dfa) {
        return new Embedded(dfa);
    }

    private static final class Characters extends Regex {
        private final CharRanges ranges;

        Characters(CharRanges ranges) {
            this.ranges = ranges;
        }

        @Override
        void build(CharNfa nfa, int from, int to) {
            for (int i = 0; i < ranges.bounds().length; i += 2) {
                nfa.move(from, ranges.bounds()[i], ranges.bounds()[i + 1], to);
            }
        }
    }

    private static final class Sequence extends Regex {
        private final List<Regex> parts;

        Sequence(List<Regex> parts) {
            this.parts = parts;
        }

        @Override
        void build(CharNfa nfa, int from, int to) {
            int at = from;
            for (Regex part : parts) {
                int next = nfa.node();
                part.build(nfa, at, next);
                at = next;
            }
            nfa.free(at, to);
        }
    }

    private static final class Choice extends Regex {
        private final List<Regex> alternatives;

        Choice(List<Regex> alternatives) {
            this.alternatives = alternatives;
        }

        @Override
        void build(CharNfa nfa, int from, int to) {
            for (Regex alternative : alternatives) {
                int start = nfa.node();
                int end = nfa.node();
                nfa.free(from, start);
                alternative.build(nfa, start, end);
                nfa.free(end, to);
            }
        }
    }

    private static final class Repeat extends Regex {
        private final Regex part;
        private final int min;
        private final int max;

        Repeat(Regex part, int min, int max) {
            this.part = part;
            this.min = min;
            this.max = max;
        }

        @Override
        void build(CharNfa nfa, int from, int to) {
            int at = nfa.node();
            nfa.free(from, at);
            for (int i = 0; i < min; i++) {
                at = once(nfa, at);
            }
            if (max == Integer.MAX_VALUE) {
                int loop = nfa.node();
                nfa.free(at, loop);
                nfa.free(once(nfa, loop), loop);
                nfa.free(loop, to);
                return;
            }
            nfa.free(at, to);
            for (int i = min; i < max; i++) {
                at = once(nfa, at);
                nfa.free(at, to);
            }
        }

        private int once(CharNfa nfa, int from) {
            int next = nfa.node();
            part.build(nfa, from, next);
            return next;
        }
    }

    private static final class Embedded extends Regex {
        private final CharDfa dfa;

        Embedded(CharDfa dfa) {
            this.dfa = dfa;
        }

        @Override
        void build(CharNfa nfa, int from, int to) {
            List<Integer> nodes = new ArrayList<>();
            for (int i = 0; i < dfa.moves().length; i++) {
                nodes.add(nfa.node());
            }
            nfa.free(from, nodes.get(0));
            for (int state = 0; state < dfa.moves().length; state++) {
                int[] own = dfa.moves()[state];
                for (int i = 0; i < own.length; i += 3) {
                    nfa.move(nodes.get(state), own[i], own[i + 1], nodes.get(own[i + 2]));
                }
                if (dfa.accepts().get(state)) {
                    nfa.free(nodes.get(state), to);
                }
            }
        }
    }
}
