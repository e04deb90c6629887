package io.sliminfer.grammar;

import java.util.Arrays;

/**
 * The states of a rule that repeats a unit between two counts and ends with a byte. A state is a count and a state of the unit,
 * numbered {@code base + count * unitStates + unitState}; the one after the terminator comes last. None of them is stored.
 */
final class CountedStates {

    private static final int NONE = Automaton.NONE;

    private final int base;
    private final int classes;
    private final int unitStates;
    private final int[] next;
    private final boolean[] unitEnds;
    private final int min;
    private final int max;
    private final int terminator;
    private final int closed;

    /**
     * @param terminator byte class
     * @param max        -1 for no limit: counts above {@code min} are not told apart then
     */
    CountedStates(Grammar.Rule rule, int base, ByteClasses classes, Dfa unit, int min, int max, int terminator) {
        this.base = base;
        this.classes = classes.count();
        this.unitStates = unit.states();
        this.next = new int[unitStates * classes.count()];
        Arrays.fill(next, NONE);
        for (int state = 0; state < unitStates; state++) {
            int[] edges = unit.edges()[state];
            for (int i = 0; i < edges.length; i += 2) {
                if (edges[i] >= classes.count()) {
                    throw new GrammarException("rule " + rule + " counts a unit that calls another rule");
                }
                next[state * classes.count() + edges[i]] = edges[i + 1];
            }
            if (unit.accepts()[state] && edges.length > 0) {
                throw new GrammarException("rule " + rule + " counts a unit of which it is not clear where it ends");
            }
        }
        this.unitEnds = unit.accepts();
        if (next[terminator] != NONE || unitEnds[0]) {
            throw new GrammarException("rule " + rule + " counts a unit that is empty or begins with the terminator");
        }
        this.min = min;
        this.max = max;
        this.terminator = terminator;
        long last = base + (long) (Math.max(min, max) + 1) * unitStates;
        if (last > Integer.MAX_VALUE / 2) {
            throw new GrammarException("rule " + rule + " counts too far: up to " + Math.max(min, max));
        }
        this.closed = (int) last;
    }

    int base() {
        return base;
    }

    int past() {
        return closed + 1;
    }

    /**
     * Units that may still begin after the last whole one, where the least number is reached; -1 where there is no limit, or the least
     * number is not reached.
     */
    int left(int state) {
        int count = (state - base) / unitStates;
        return state == closed || max < 0 || count < min ? -1 : max - count;
    }

    /** How many units begin on the way from {@link #reachedMin} to a state. */
    int begun(int state) {
        int count = (state - base) / unitStates;
        return count - min + ((state - base) % unitStates == 0 ? 0 : 1);
    }

    /** State of the unit in another block of the same rule, where the least number is just reached. */
    int reachedMin(CountedStates other, int state) {
        return base + min * unitStates + (state - other.base) % unitStates;
    }

    boolean accepts(int state) {
        return state == closed;
    }

    int next(int state, int byteClass) {
        if (state == closed) {
            return NONE;
        }
        int count = (state - base) / unitStates;
        int unitState = (state - base) % unitStates;
        if (unitState == 0) {
            if (byteClass == terminator) {
                return count >= min ? closed : NONE;
            }
            if (count == max) {
                return NONE;
            }
        }
        int to = next[unitState * classes + byteClass];
        if (to == NONE) {
            return NONE;
        }
        if (unitEnds[to]) {
            int counted = max >= 0 ? count + 1 : Math.min(count + 1, min);
            return base + counted * unitStates;
        }
        return base + count * unitStates + to;
    }

    /** The state that stands for all whose next {@code bytes} bytes are limited in the same way. */
    int representative(int state, int bytes) {
        if (state == closed) {
            return state;
        }
        int count = (state - base) / unitStates;
        int unitState = (state - base) % unitStates;
        boolean farFromMax = max < 0 || max - count > bytes;
        if (!farFromMax) {
            return state;
        }
        if (count >= min) {
            return base + min * unitStates + unitState;
        }
        return min - count > bytes ? base + unitState : state;
    }
}
