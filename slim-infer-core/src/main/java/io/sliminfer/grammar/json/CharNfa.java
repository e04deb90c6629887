package io.sliminfer.grammar.json;

import io.sliminfer.grammar.GrammarException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** A regular expression on its way to a {@link CharDfa}: nodes, free edges and edges that take a character of a range. */
final class CharNfa {

    static final int START = 0;
    static final int END = 1;

    private static final int NODES_MAX = 20_000;

    record Move(int low, int high, int to) {}

    private final List<List<Move>> moves = new ArrayList<>();
    private final List<List<Integer>> frees = new ArrayList<>();

    CharNfa() {
        node();
        node();
    }

    int node() {
        if (moves.size() >= NODES_MAX) {
            throw new GrammarException("needs an automaton of more than " + NODES_MAX
                    + " states: use a simpler pattern, or smaller counts");
        }
        moves.add(new ArrayList<>(2));
        frees.add(new ArrayList<>(2));
        return moves.size() - 1;
    }

    void free(int from, int to) {
        frees.get(from).add(to);
    }

    void move(int from, int low, int high, int to) {
        moves.get(from).add(new Move(low, high, to));
    }

    List<Move> moves(int node) {
        return moves.get(node);
    }

    /** What is reached without a character; of it the end and the nodes with moves. */
    BitSet closure(List<Integer> from) {
        BitSet seen = new BitSet();
        BitSet kept = new BitSet();
        List<Integer> open = new ArrayList<>();
        from.forEach(node -> visit(node, seen, open));
        while (!open.isEmpty()) {
            int node = open.remove(open.size() - 1);
            if (node == END || !moves.get(node).isEmpty()) {
                kept.set(node);
            }
            frees.get(node).forEach(to -> visit(to, seen, open));
        }
        return kept;
    }

    private static void visit(int node, BitSet seen, List<Integer> open) {
        if (!seen.get(node)) {
            seen.set(node);
            open.add(node);
        }
    }
}
