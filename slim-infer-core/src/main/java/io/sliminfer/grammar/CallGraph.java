package io.sliminfer.grammar;

import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;

/** Which rules call which: finds recursion, and refuses the kind that takes no byte. */
final class CallGraph {

    private final Automaton.Assembly assembly;
    private final BitSet[] reached;

    /** @throws GrammarException if a rule may call itself before it takes a byte */
    CallGraph(Automaton.Assembly assembly) {
        this.assembly = assembly;
        BitSet[] called = sets();
        for (int state = 0; state < assembly.states(); state++) {
            addCalls(state, called[assembly.ruleOf(state)]);
        }
        reached = closure(called);
        BitSet[] first = closure(calledFirst(nullable()));
        for (int rule = 0; rule < first.length; rule++) {
            if (first[rule].get(rule)) {
                throw new GrammarException("rule " + assembly.rule(rule) + " may call itself before it takes a byte");
            }
        }
    }

    /** Whether the called rule may lead back to the caller. */
    boolean recursive(int caller, int called) {
        return caller == called || reached[called].get(caller);
    }

    /** Rules that derive the empty text. */
    private BitSet nullable() {
        BitSet nullable = new BitSet();
        boolean more = true;
        while (more) {
            more = false;
            for (int rule = 0; rule < assembly.rules(); rule++) {
                if (!nullable.get(rule) && plain(rule) && endsWithoutByte(rule, nullable)) {
                    nullable.set(rule);
                    more = true;
                }
            }
        }
        return nullable;
    }

    private boolean endsWithoutByte(int rule, BitSet nullable) {
        BitSet states = statesWithoutByte(rule, nullable);
        return states.stream().anyMatch(assembly::ends);
    }

    private boolean plain(int rule) {
        return assembly.startOf(rule) < assembly.states();
    }

    private BitSet statesWithoutByte(int caller, BitSet nullable) {
        BitSet states = new BitSet();
        Deque<Integer> open = new ArrayDeque<>();
        states.set(assembly.startOf(caller));
        open.add(assembly.startOf(caller));
        while (!open.isEmpty()) {
            int[] edges = assembly.edgesOf(open.remove());
            for (int i = 0; i < edges.length; i += 2) {
                int rule = edges[i] - assembly.firstCall();
                if (rule >= 0 && nullable.get(rule) && !states.get(edges[i + 1])) {
                    states.set(edges[i + 1]);
                    open.add(edges[i + 1]);
                }
            }
        }
        return states;
    }

    private BitSet[] calledFirst(BitSet nullable) {
        BitSet[] first = sets();
        for (int rule = 0; rule < first.length; rule++) {
            if (!plain(rule)) {
                continue;
            }
            for (int state : statesWithoutByte(rule, nullable).stream().toArray()) {
                addCalls(state, first[rule]);
            }
        }
        return first;
    }

    private void addCalls(int state, BitSet rules) {
        int[] edges = assembly.edgesOf(state);
        for (int i = 0; i < edges.length; i += 2) {
            if (edges[i] >= assembly.firstCall()) {
                rules.set(edges[i] - assembly.firstCall());
            }
        }
    }

    private BitSet[] sets() {
        BitSet[] sets = new BitSet[assembly.rules()];
        for (int i = 0; i < sets.length; i++) {
            sets[i] = new BitSet();
        }
        return sets;
    }

    /** What is reached in one step or more. */
    private static BitSet[] closure(BitSet[] steps) {
        for (int through = 0; through < steps.length; through++) {
            for (BitSet from : steps) {
                if (from.get(through)) {
                    from.or(steps[through]);
                }
            }
        }
        return steps;
    }
}
