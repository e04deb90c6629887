package io.sliminfer.grammar;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How many levels of nesting each state needs at least to end its rule: 0 if it may end or bytes lead to the end, for a call the
 * more of what the called rule needs and what is needed after it, and of all ways the least. Found from the ends backwards.
 */
final class Heights {

    private final Automaton.Assembly assembly;
    private final int[] heights;
    private final List<List<Way>> waysTo = new ArrayList<>();
    private final Deque<Integer> changed = new ArrayDeque<>();

    /** A move or a call that leads from a state to the one it is listed under, or to the rule that starts there. */
    private record Way(int from, Automaton.Call call) {}

    private static final Automaton.Call MOVE = new Automaton.Call(-1, -1, 0);

    Heights(Automaton.Assembly assembly, Automaton.Call[][] calls) {
        this.assembly = assembly;
        this.heights = new int[assembly.states()];
        Arrays.fill(heights, Automaton.UNPRODUCTIVE);
        for (int state = 0; state < heights.length; state++) {
            waysTo.add(new ArrayList<>());
        }
        for (int state = 0; state < heights.length; state++) {
            int from = state;
            int[] edges = assembly.edgesOf(state);
            IntStream.iterate(0, i -> i < edges.length && edges[i] < assembly.firstCall(), i -> i + 2)
                    .map(i -> edges[i + 1])
                    .distinct()
                    .forEach(to -> waysTo.get(to).add(new Way(from, MOVE)));
            for (Automaton.Call call : calls[state]) {
                Way way = new Way(state, call);
                waysTo.get(call.to()).add(way);
                if (call.start() < heights.length) {
                    waysTo.get(call.start()).add(way);
                }
            }
        }
    }

    int[] compute() {
        for (int state = 0; state < heights.length; state++) {
            if (assembly.ends(state)) {
                lower(state, 0);
            }
        }
        while (!changed.isEmpty()) {
            int state = changed.remove();
            for (Way way : waysTo.get(state)) {
                Automaton.Call call = way.call();
                int height = call == MOVE
                        ? heights[state]
                        : Math.max(heights[call.to()], call.weight() + assembly.heightOf(call.start(), heights));
                lower(way.from(), height);
            }
        }
        return heights;
    }

    private void lower(int state, int height) {
        if (height < heights[state]) {
            heights[state] = height;
            changed.add(state);
        }
    }
}
