package io.sliminfer.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A rule's automaton: deterministic in bytes, and in calls if a called rule counts as a symbol. State 0 is the start. Made from an
 * {@link Nfa} by subsets, then minimised.
 *
 * @param edges   of each state, by rising symbol: a symbol (a byte class, or {@code classes + rule}) and the state it leads to, in turns
 * @param accepts whether the rule may end in a state
 */
record Dfa(int[][] edges, boolean[] accepts) {

    /**
     * @param statesMax most states, before they are minimised
     * @throws GrammarException if there would be more
     */
    static Dfa of(Nfa nfa, ByteClasses classes, String name, int statesMax) {
        return new Subsets(nfa, classes, name, statesMax).run().minimised();
    }

    int states() {
        return accepts.length;
    }

    private static final class Subsets {
        private final Nfa nfa;
        private final ByteClasses classes;
        private final String name;
        private final int statesMax;
        private final Nfa.Adjacency frees;
        private final Nfa.Adjacency outgoing;
        private final Map<Key, Integer> states = new HashMap<>();
        private final List<int[]> sets = new ArrayList<>();
        private final IntList[] moves;
        private final IntList used = new IntList();
        private final int[] mark;
        private int marks;

        /** Nodes of a state, sorted. */
        private record Key(int[] nodes) {
            @Override
            public boolean equals(Object other) {
                return other instanceof Key key && Arrays.equals(nodes, key.nodes);
            }

            @Override
            public int hashCode() {
                return Arrays.hashCode(nodes);
            }
        }

        Subsets(Nfa nfa, ByteClasses classes, String name, int statesMax) {
            this.nfa = nfa;
            this.classes = classes;
            this.name = name;
            this.statesMax = statesMax;
            this.frees = nfa.frees();
            this.outgoing = nfa.edgesByNode();
            this.mark = new int[nfa.nodes()];
            int symbols = classes.count();
            for (int edge = 0; edge < nfa.edges(); edge++) {
                symbols = Math.max(symbols, classes.count() + nfa.rule(edge) + 1);
            }
            this.moves = new IntList[symbols];
        }

        Dfa run() {
            List<int[]> edges = new ArrayList<>();
            state(closure(new IntList(Nfa.START)));
            for (int state = 0; state < sets.size(); state++) {
                for (int node : sets.get(state)) {
                    for (int i = outgoing.starts()[node]; i < outgoing.starts()[node + 1]; i++) {
                        addMoves(outgoing.values()[i]);
                    }
                }
                int[] symbols = used.toArray();
                Arrays.sort(symbols);
                used.clear();
                IntList targets = new IntList();
                for (int symbol : symbols) {
                    targets.add(symbol);
                    targets.add(state(closure(moves[symbol])));
                    moves[symbol].clear();
                }
                edges.add(targets.toArray());
            }
            boolean[] accepts = new boolean[sets.size()];
            for (int state = 0; state < accepts.length; state++) {
                accepts[state] = Arrays.binarySearch(sets.get(state), Nfa.END) >= 0;
            }
            return new Dfa(edges.toArray(int[][]::new), accepts);
        }

        private void addMoves(int edge) {
            int rule = nfa.rule(edge);
            int first = rule == Nfa.NO_RULE ? classes.of(nfa.low(edge)) : classes.count() + rule;
            int last = rule == Nfa.NO_RULE ? classes.of(nfa.high(edge)) : first;
            for (int symbol = first; symbol <= last; symbol++) {
                if (moves[symbol] == null) {
                    moves[symbol] = new IntList();
                }
                if (moves[symbol].size() == 0) {
                    used.add(symbol);
                }
                moves[symbol].add(nfa.to(edge));
            }
        }

        private int state(int[] nodes) {
            return states.computeIfAbsent(new Key(nodes), key -> {
                if (sets.size() >= statesMax) {
                    throw new GrammarException(name + " is too large: its automaton has more than " + statesMax
                            + " states. Use simpler patterns or smaller counts");
                }
                sets.add(nodes);
                return sets.size() - 1;
            });
        }

        /** Nodes that are reached without a symbol, of these only the end and those with edges. */
        private int[] closure(IntList from) {
            marks++;
            IntList open = new IntList();
            IntList found = new IntList();
            for (int i = 0; i < from.size(); i++) {
                visit(from.get(i), open);
            }
            while (open.size() > 0) {
                int node = open.pop();
                if (node == Nfa.END || outgoing.starts()[node] < outgoing.starts()[node + 1]) {
                    found.add(node);
                }
                for (int i = frees.starts()[node]; i < frees.starts()[node + 1]; i++) {
                    visit(frees.values()[i], open);
                }
            }
            int[] nodes = found.toArray();
            Arrays.sort(nodes);
            return nodes;
        }

        private void visit(int node, IntList open) {
            if (mark[node] != marks) {
                mark[node] = marks;
                open.add(node);
            }
        }
    }

    /** The smallest automaton with the same language. States from which no end is reached go. */
    Dfa minimised() {
        IntList tails = new IntList();
        IntList labels = new IntList();
        IntList heads = new IntList();
        for (int state = 0; state < states(); state++) {
            int[] own = edges[state];
            for (int i = 0; i < own.length; i += 2) {
                tails.add(state);
                labels.add(own[i]);
                heads.add(own[i + 1]);
            }
        }
        int[] block = DfaMinimizer.blocks(accepts, tails.toArray(), labels.toArray(), heads.toArray());
        if (block[0] < 0) {
            return new Dfa(new int[1][0], new boolean[1]);
        }
        int[] number = new int[states()]; // of a block, by its first state: the start is state 0
        Arrays.fill(number, -1);
        IntList firsts = new IntList();
        for (int state = 0; state < block.length; state++) {
            if (block[state] >= 0 && number[block[state]] < 0) {
                number[block[state]] = firsts.size();
                firsts.add(state);
            }
        }
        int[][] merged = new int[firsts.size()][];
        boolean[] ends = new boolean[firsts.size()];
        for (int i = 0; i < merged.length; i++) { // the states of a block have the same edges
            int first = firsts.get(i);
            ends[i] = accepts[first];
            IntList own = new IntList();
            for (int j = 0; j < edges[first].length; j += 2) {
                int to = block[edges[first][j + 1]];
                if (to >= 0) {
                    own.add(edges[first][j]);
                    own.add(number[to]);
                }
            }
            merged[i] = own.toArray();
        }
        return new Dfa(merged, ends);
    }
}
