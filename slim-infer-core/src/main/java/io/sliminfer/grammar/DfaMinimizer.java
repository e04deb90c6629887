package io.sliminfer.grammar;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Minimises automata in which some moves are missing, in O(edges log states): A. Valmari, Fast brief practical DFA minimization,
 * Information Processing Letters 112 (2012). Blocks of states and sets of edges with one label refine each other until neither
 * splits any more.
 */
final class DfaMinimizer {

    private DfaMinimizer() {}

    /**
     * The block of each state: states of one block accept the same. -1 for states from which no end is reached.
     *
     * @param tails  state that each edge leaves; all are reached from the start
     * @param labels of each edge
     * @param heads  state that each edge enters
     */
    static int[] blocks(boolean[] accepts, int[] tails, int[] labels, int[] heads) {
        boolean[] live = live(accepts, tails, heads);
        int[] state = new int[accepts.length]; // number among the live ones
        int states = 0;
        for (int i = 0; i < state.length; i++) {
            state[i] = live[i] ? states++ : -1;
        }
        int[] kept = IntStream.range(0, tails.length)
                .filter(i -> live[tails[i]] && live[heads[i]])
                .toArray();
        int[] tail = Arrays.stream(kept).map(i -> state[tails[i]]).toArray();
        int[] head = Arrays.stream(kept).map(i -> state[heads[i]]).toArray();
        int[] label = Arrays.stream(kept).map(i -> labels[i]).toArray();
        Partition blocks = new Partition(states);
        for (int i = 0; i < accepts.length; i++) {
            if (accepts[i]) {
                blocks.mark(state[i]);
            }
        }
        blocks.split();
        Partition cords = Partition.byKey(label);
        Nfa.Adjacency incoming =
                Nfa.Adjacency.of(states, head, IntStream.range(0, head.length).toArray(), head.length);
        int nextBlock = 1;
        for (int cord = 0; cord < cords.sets; cord++) {
            for (int i = cords.first[cord]; i < cords.past[cord]; i++) {
                blocks.mark(tail[cords.elements[i]]);
            }
            blocks.split();
            for (; nextBlock < blocks.sets; nextBlock++) {
                for (int i = blocks.first[nextBlock]; i < blocks.past[nextBlock]; i++) {
                    int entered = blocks.elements[i];
                    for (int j = incoming.starts()[entered]; j < incoming.starts()[entered + 1]; j++) {
                        cords.mark(incoming.values()[j]);
                    }
                }
                cords.split();
            }
        }
        int[] block = new int[accepts.length];
        for (int i = 0; i < block.length; i++) {
            block[i] = state[i] < 0 ? -1 : blocks.setOf[state[i]];
        }
        return block;
    }

    private static boolean[] live(boolean[] accepts, int[] tails, int[] heads) {
        Nfa.Adjacency backwards = Nfa.Adjacency.of(accepts.length, heads, tails, tails.length);
        boolean[] live = accepts.clone();
        IntList open = new IntList();
        IntStream.range(0, live.length).filter(i -> live[i]).forEach(open::add);
        while (open.size() > 0) {
            int state = open.pop();
            for (int i = backwards.starts()[state]; i < backwards.starts()[state + 1]; i++) {
                int before = backwards.values()[i];
                if (!live[before]) {
                    live[before] = true;
                    open.add(before);
                }
            }
        }
        return live;
    }

    /** Numbers in disjoint sets that split: those marked of each set become a set of their own. */
    private static final class Partition {
        private final int[] elements;
        private final int[] location;
        private final int[] setOf;
        private final int[] first;
        private final int[] past;
        private final int[] marked;
        private final int[] touched;
        private int touches;
        private int sets;

        Partition(int count) {
            elements = IntStream.range(0, count).toArray();
            location = elements.clone();
            setOf = new int[count];
            first = new int[count + 1];
            past = new int[count + 1];
            marked = new int[count + 1];
            touched = new int[count + 1];
            sets = count > 0 ? 1 : 0;
            past[0] = count;
        }

        /** Elements with one key are a set. */
        static Partition byKey(int[] keys) {
            Partition partition = new Partition(keys.length);
            long[] sorted = new long[keys.length];
            for (int i = 0; i < keys.length; i++) {
                sorted[i] = (long) keys[i] << 32 | i;
            }
            Arrays.sort(sorted);
            partition.sets = 0;
            for (int i = 0; i < sorted.length; i++) {
                if (i == 0 || sorted[i] >> 32 != sorted[i - 1] >> 32) {
                    partition.first[partition.sets++] = i;
                }
                int element = (int) sorted[i];
                partition.elements[i] = element;
                partition.location[element] = i;
                partition.setOf[element] = partition.sets - 1;
                partition.past[partition.sets - 1] = i + 1;
            }
            return partition;
        }

        void mark(int element) {
            int set = setOf[element];
            int at = location[element];
            int to = first[set] + marked[set];
            if (at < to) {
                return; // marked before
            }
            elements[at] = elements[to];
            location[elements[at]] = at;
            elements[to] = element;
            location[element] = to;
            if (marked[set]++ == 0) {
                touched[touches++] = set;
            }
        }

        void split() {
            while (touches > 0) {
                int set = touched[--touches];
                int middle = first[set] + marked[set];
                marked[set] = 0;
                if (middle == past[set]) {
                    continue;
                }
                int fresh = sets++;
                if (middle - first[set] <= past[set] - middle) { // the smaller part is the new set
                    first[fresh] = first[set];
                    past[fresh] = middle;
                    first[set] = middle;
                } else {
                    past[fresh] = past[set];
                    first[fresh] = middle;
                    past[set] = middle;
                }
                for (int i = first[fresh]; i < past[fresh]; i++) {
                    setOf[elements[i]] = fresh;
                }
            }
        }
    }
}
