package io.sliminfer.grammar;

import java.util.Arrays;

/**
 * A rule on its way from expression to automaton: nodes, and edges that are free, take a byte of a range, or call a rule. Node 0 is
 * the start, node 1 the end.
 */
final class Nfa {

    static final int START = 0;
    static final int END = 1;

    /** Called rule of an edge that takes bytes. */
    static final int NO_RULE = -1;

    private final int nodesMax;
    private final String name;
    private int nodes = 2;

    // Free edges and the others, in the order in which they were added; sorted by node once all are there.
    private int[] freeFrom = new int[16];
    private int[] freeTo = new int[16];
    private int frees;
    private int[] edgeFrom = new int[16];
    private int[] edgeTo = new int[16];
    private int[] edgeLow = new int[16];
    private int[] edgeHigh = new int[16];
    private int edges;

    /** @param name of the rule, for messages */
    Nfa(String name, int nodesMax) {
        this.name = name;
        this.nodesMax = nodesMax;
    }

    int node() {
        if (nodes >= nodesMax || edges + frees >= 8L * nodesMax) {
            throw new GrammarException(name + " is too large: it needs more than " + nodesMax
                    + " states. Use smaller counts in its repeats, lengths or numbers of items");
        }
        return nodes++;
    }

    void free(int from, int to) {
        if (frees == freeFrom.length) {
            freeFrom = Arrays.copyOf(freeFrom, 2 * frees);
            freeTo = Arrays.copyOf(freeTo, 2 * frees);
        }
        freeFrom[frees] = from;
        freeTo[frees++] = to;
    }

    void bytes(int from, int low, int high, int to) {
        edge(from, low, high, to);
    }

    void call(int from, int rule, int to) {
        edge(from, -1 - rule, 0, to);
    }

    private void edge(int from, int low, int high, int to) {
        if (edges == edgeFrom.length) {
            edgeFrom = Arrays.copyOf(edgeFrom, 2 * edges);
            edgeTo = Arrays.copyOf(edgeTo, 2 * edges);
            edgeLow = Arrays.copyOf(edgeLow, 2 * edges);
            edgeHigh = Arrays.copyOf(edgeHigh, 2 * edges);
        }
        edgeFrom[edges] = from;
        edgeTo[edges] = to;
        edgeLow[edges] = low;
        edgeHigh[edges++] = high;
    }

    int nodes() {
        return nodes;
    }

    int edges() {
        return edges;
    }

    int from(int edge) {
        return edgeFrom[edge];
    }

    int to(int edge) {
        return edgeTo[edge];
    }

    /** The rule that an edge calls, or {@link #NO_RULE}. */
    int rule(int edge) {
        return edgeLow[edge] < 0 ? -1 - edgeLow[edge] : NO_RULE;
    }

    int low(int edge) {
        return edgeLow[edge];
    }

    int high(int edge) {
        return edgeHigh[edge];
    }

    /** Free edges by node: those of node i lead to {@code targets[starts[i]]} up to {@code targets[starts[i + 1]]}. */
    Adjacency frees() {
        return Adjacency.of(nodes, freeFrom, freeTo, frees);
    }

    /** Other edges by node, as indexes of edges. */
    Adjacency edgesByNode() {
        int[] indexes = new int[edges];
        Arrays.setAll(indexes, i -> i);
        return Adjacency.of(nodes, edgeFrom, indexes, edges);
    }

    /** Lists of numbers by node, one after the other. */
    record Adjacency(int[] starts, int[] values) {

        static Adjacency of(int nodes, int[] keys, int[] values, int count) {
            int[] starts = new int[nodes + 1];
            for (int i = 0; i < count; i++) {
                starts[keys[i] + 1]++;
            }
            for (int i = 0; i < nodes; i++) {
                starts[i + 1] += starts[i];
            }
            int[] sorted = new int[count];
            int[] next = Arrays.copyOf(starts, nodes);
            for (int i = 0; i < count; i++) {
                sorted[next[keys[i]]++] = values[i];
            }
            return new Adjacency(starts, sorted);
        }
    }
}
