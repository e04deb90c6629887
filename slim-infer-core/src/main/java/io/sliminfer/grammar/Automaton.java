package io.sliminfer.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * The states of all rules of a grammar. A state has moves by byte class, calls of other rules with the state to return to, or may
 * end its rule. Immutable.
 */
final class Automaton {

    static final int NONE = -1;

    /** Tokens have fewer bytes. */
    static final int UNITS_OF_A_TOKEN_MAX = 1 << 16;

    /** Nothing can be derived from such a state. */
    static final int UNPRODUCTIVE = Integer.MAX_VALUE / 2;

    /**
     * A way on from a state by another rule.
     *
     * @param start  of the called rule
     * @param to     state to go on in
     * @param weight levels by which this nests: 1 if the called rule may lead back to the caller's, which goes on after it
     */
    record Call(int start, int to, int weight) {}

    private static final Call[] NO_CALLS = {};

    private final ByteClasses byteClasses;
    private final int classes;
    private final int start;
    private final int plainStates;
    private final int[] next;
    private final BitSet accepts;
    private final Call[][] calls;
    private final int[] heights;
    private final BitSet moves;
    /** First those that rules have, then for each with a limit one that counts further. */
    private final CountedStates[] counted;
    /** Index of the one that counts further, or -1. */
    private final int[] twins;

    private Automaton(Assembly from, int start, Call[][] calls, int[] heights) {
        this.byteClasses = from.classes;
        this.classes = from.classes.count();
        this.start = start;
        this.plainStates = from.states;
        this.next = from.table();
        this.accepts = from.accepts;
        this.calls = calls;
        this.heights = heights;
        this.counted = from.counted.toArray(CountedStates[]::new);
        this.twins = from.twins;
        this.moves = new BitSet(plainStates);
        for (int i = 0; i < next.length; i++) {
            if (next[i] != NONE && heights[next[i]] >= UNPRODUCTIVE) {
                next[i] = NONE;
            }
            if (next[i] != NONE) {
                moves.set(i / classes);
            }
        }
    }

    int start() {
        return start;
    }

    ByteClasses byteClasses() {
        return byteClasses;
    }

    /** States that are stored; those of counted rules have higher numbers. */
    int plainStates() {
        return plainStates;
    }

    List<CountedStates> counted() {
        return List.of(counted).subList(0, twins.length);
    }

    int next(int state, int byteClass) {
        return state < plainStates
                ? next[state * classes + byteClass]
                : countedOf(state).next(state, byteClass);
    }

    /** Whether the state's rule may end in it. */
    boolean accepts(int state) {
        return state < plainStates ? accepts.get(state) : countedOf(state).accepts(state);
    }

    Call[] calls(int state) {
        return state < plainStates ? calls[state] : NO_CALLS;
    }

    /** Whether any byte leads on from the state itself. */
    boolean hasMoves(int state) {
        return state < plainStates ? moves.get(state) : !countedOf(state).accepts(state);
    }

    /** Levels of nesting that the rule's rest needs at least. */
    int height(int state) {
        return state < plainStates ? heights[state] : 0;
    }

    /** Whether a return to this state does nothing but return further. */
    boolean onlyEnds(int state) {
        return state < plainStates && accepts.get(state) && !moves.get(state) && calls[state].length == 0;
    }

    /** A state whose next {@code bytes} bytes are the same, one for many where a rule counts. */
    int representative(int state, int bytes) {
        return state < plainStates ? state : countedOf(state).representative(state, bytes);
    }

    /** Where a rule counts up to a limit: as many units as may still begin; else -1. */
    int unitsLeft(int state) {
        return state < plainStates ? -1 : countedOf(state).left(state);
    }

    /** The same state of a rule that counts further than any token; for states with {@link #unitsLeft}. */
    int unlimited(int state) {
        CountedStates own = countedOf(state);
        for (int i = 0; i < counted.length; i++) {
            if (counted[i] == own) {
                return counted[twins[i]].reachedMin(own, state);
            }
        }
        throw new IllegalStateException("no state " + state);
    }

    /** Units that began since an {@link #unlimited} state. */
    int unitsBegun(int state) {
        return countedOf(state).begun(state);
    }

    private CountedStates countedOf(int state) {
        for (CountedStates states : counted) {
            if (state < states.past()) {
                return states;
            }
        }
        throw new IllegalStateException("no state " + state);
    }

    /** Puts the automata of rules together. */
    static final class Assembly {

        private final ByteClasses classes;
        private final List<Grammar.Rule> rules;
        private final int[] starts;
        private final List<Integer> ruleOf = new ArrayList<>();
        private final List<int[]> edges = new ArrayList<>();
        private final BitSet accepts = new BitSet();
        private final List<CountedStates> counted = new ArrayList<>();
        private final List<PendingCount> pendingCounts = new ArrayList<>();
        private int[] twins = {};
        private int states;

        private record PendingCount(Grammar.Rule rule, Dfa unit, int min, int max, int terminator) {}

        Assembly(ByteClasses classes, List<Grammar.Rule> rules) {
            this.classes = classes;
            this.rules = rules;
            this.starts = new int[rules.size()];
        }

        int states() {
            return states;
        }

        void plain(Grammar.Rule rule, Dfa dfa) {
            int base = states;
            starts[rule.index()] = base;
            for (int state = 0; state < dfa.states(); state++) {
                int[] moved = dfa.edges()[state].clone();
                for (int i = 1; i < moved.length; i += 2) {
                    moved[i] += base;
                }
                edges.add(moved);
                ruleOf.add(rule.index());
                accepts.set(base + state, dfa.accepts()[state]);
            }
            states += dfa.states();
        }

        void counted(Grammar.Rule rule, Dfa unit, int min, int max, int terminator) {
            pendingCounts.add(new PendingCount(rule, unit, min, max, terminator));
        }

        Automaton finish(Grammar.Rule start, int depthMax) {
            int base = states; // counted states are numbered behind all others
            for (PendingCount count : pendingCounts) {
                starts[count.rule().index()] = base;
                CountedStates block = new CountedStates(
                        count.rule(), base, classes, count.unit(), count.min(), count.max(), count.terminator());
                counted.add(block);
                base = block.past();
            }
            twins = new int[counted.size()];
            for (int i = 0; i < twins.length; i++) {
                PendingCount count = pendingCounts.get(i);
                twins[i] = -1;
                if (count.max() >= 0) {
                    CountedStates twin = new CountedStates(
                            count.rule(),
                            base,
                            classes,
                            count.unit(),
                            count.min(),
                            count.min() + UNITS_OF_A_TOKEN_MAX,
                            count.terminator());
                    twins[i] = counted.size();
                    counted.add(twin);
                    base = twin.past();
                }
            }
            Call[][] calls = new Call[states][];
            CallGraph graph = new CallGraph(this);
            for (int state = 0; state < states; state++) {
                calls[state] = calls(state, graph);
            }
            int[] heights = new Heights(this, calls).compute();
            if (starts[start.index()] < states && heights[starts[start.index()]] > depthMax) {
                throw new GrammarException("nothing can be derived from " + start
                        + (heights[starts[start.index()]] >= UNPRODUCTIVE
                                ? ": every way leads back to a rule that is not finished"
                                : " within " + depthMax + " levels of nesting"));
            }
            for (int state = 0; state < states; state++) {
                calls[state] = Arrays.stream(calls[state])
                        .filter(call ->
                                heightOf(call.start(), heights) < UNPRODUCTIVE && heights[call.to()] < UNPRODUCTIVE)
                        .toArray(Call[]::new);
                calls[state] = calls[state].length == 0 ? NO_CALLS : calls[state];
            }
            return new Automaton(this, starts[start.index()], calls, heights);
        }

        private Call[] calls(int state, CallGraph graph) {
            List<Call> calls = new ArrayList<>();
            int[] own = edges.get(state);
            for (int i = 0; i < own.length; i += 2) {
                if (own[i] >= classes.count()) {
                    int rule = own[i] - classes.count();
                    int to = own[i + 1];
                    boolean last =
                            accepts.get(to) && edges.get(to).length == 0; // then the call takes this rule's place
                    calls.add(new Call(starts[rule], to, !last && graph.recursive(ruleOf.get(state), rule) ? 1 : 0));
                }
            }
            return calls.toArray(Call[]::new);
        }

        int heightOf(int state, int[] heights) {
            return state < states ? heights[state] : 0;
        }

        int rules() {
            return starts.length;
        }

        Grammar.Rule rule(int index) {
            return rules.get(index);
        }

        int startOf(int rule) {
            return starts[rule];
        }

        int ruleOf(int state) {
            return ruleOf.get(state);
        }

        boolean ends(int state) {
            return accepts.get(state);
        }

        /** Symbols and where they lead, in turns. */
        int[] edgesOf(int state) {
            return edges.get(state);
        }

        int firstCall() {
            return classes.count();
        }

        private int[] table() {
            int[] table = new int[states * classes.count()];
            Arrays.fill(table, NONE);
            for (int state = 0; state < states; state++) {
                int[] own = edges.get(state);
                for (int i = 0; i < own.length && own[i] < classes.count(); i += 2) {
                    table[state * classes.count() + own[i]] = own[i + 1];
                }
            }
            return table;
        }
    }
}
