package io.sliminfer.grammar.json;

import io.sliminfer.grammar.GrammarException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A set of texts as a deterministic automaton over characters. State 0 is the start. Immutable.
 *
 * @param moves   of each state: first and last character of a range and the state it leads to, in turns, rising
 * @param accepts states in which a text may end
 */
record CharDfa(int[][] moves, BitSet accepts) {

    /** Most states of an automaton; patterns are not to be trusted. */
    private static final int STATES_MAX = 20_000;

    private static final int DEAD = -1;

    /** The texts of a regular expression. */
    static CharDfa of(Regex regex) {
        CharNfa nfa = new CharNfa();
        regex.build(nfa, CharNfa.START, CharNfa.END);
        Map<BitSet, Integer> numbers = new HashMap<>();
        List<BitSet> sets = new ArrayList<>();
        List<int[]> moves = new ArrayList<>();
        number(nfa.closure(List.of(CharNfa.START)), numbers, sets);
        for (int state = 0; state < sets.size(); state++) {
            List<CharNfa.Move> own = new ArrayList<>();
            sets.get(state).stream().forEach(node -> own.addAll(nfa.moves(node)));
            TreeSet<Integer> cuts = new TreeSet<>();
            for (CharNfa.Move move : own) {
                cuts.add(move.low());
                cuts.add(move.high() + 1);
            }
            Moves merged = new Moves();
            Integer[] bounds = cuts.toArray(Integer[]::new);
            for (int i = 0; i + 1 < bounds.length; i++) {
                int low = bounds[i];
                List<Integer> targets = own.stream()
                        .filter(move -> move.low() <= low && low <= move.high())
                        .map(CharNfa.Move::to)
                        .toList();
                if (!targets.isEmpty()) {
                    merged.add(low, bounds[i + 1] - 1, number(nfa.closure(targets), numbers, sets));
                }
            }
            moves.add(merged.toArray());
        }
        BitSet accepts = new BitSet();
        for (int state = 0; state < sets.size(); state++) {
            accepts.set(state, sets.get(state).get(CharNfa.END));
        }
        return new CharDfa(moves.toArray(int[][]::new), accepts).trimmed();
    }

    private static <T> int number(T key, Map<T, Integer> numbers, List<T> keys) {
        return numbers.computeIfAbsent(key, missing -> {
            if (keys.size() >= STATES_MAX) {
                throw new GrammarException("needs an automaton of more than " + STATES_MAX
                        + " states: use a simpler pattern, or smaller counts");
            }
            keys.add(key);
            return keys.size() - 1;
        });
    }

    /** Texts of both. */
    CharDfa and(CharDfa other) {
        return product(other, true);
    }

    /** Texts that the other does not have. */
    CharDfa without(CharDfa other) {
        return product(other, false);
    }

    private record Pair(int own, int other) {}

    private CharDfa product(CharDfa other, boolean both) {
        Map<Pair, Integer> numbers = new HashMap<>();
        List<Pair> pairs = new ArrayList<>();
        List<int[]> moves = new ArrayList<>();
        BitSet accepted = new BitSet();
        number(new Pair(0, 0), numbers, pairs);
        for (int state = 0; state < pairs.size(); state++) {
            Pair pair = pairs.get(state);
            accepted.set(
                    state,
                    accepts.get(pair.own()) && both == (pair.other() != DEAD && other.accepts.get(pair.other())));
            Moves merged = new Moves();
            int[] own = this.moves[pair.own()];
            for (int i = 0; i < own.length; i += 3) {
                int low = own[i];
                while (low <= own[i + 1]) {
                    int[] step = other.step(pair.other(), low); // where to, and up to which character
                    int high = Math.min(own[i + 1], step[1]);
                    if (step[0] != DEAD || !both) {
                        merged.add(low, high, number(new Pair(own[i + 2], step[0]), numbers, pairs));
                    }
                    low = high + 1;
                }
            }
            moves.add(merged.toArray());
        }
        return new CharDfa(moves.toArray(int[][]::new), accepted).trimmed();
    }

    /** Texts with a number of characters. */
    CharDfa withLength(int min, int max) {
        Map<Pair, Integer> numbers = new HashMap<>();
        List<Pair> pairs = new ArrayList<>(); // a state and a length
        List<int[]> moves = new ArrayList<>();
        BitSet accepted = new BitSet();
        number(new Pair(0, 0), numbers, pairs);
        for (int state = 0; state < pairs.size(); state++) {
            Pair pair = pairs.get(state);
            int length = pair.other();
            accepted.set(state, accepts.get(pair.own()) && length >= min && length <= max);
            int[] own = this.moves[pair.own()];
            Moves merged = new Moves();
            for (int i = 0; i < own.length && length < max; i += 3) {
                int next = max == Integer.MAX_VALUE ? Math.min(min, length + 1) : length + 1;
                merged.add(own[i], own[i + 1], number(new Pair(own[i + 2], next), numbers, pairs));
            }
            moves.add(merged.toArray());
        }
        return new CharDfa(moves.toArray(int[][]::new), accepted).trimmed();
    }

    private int[] step(int state, int character) {
        int next = CharRanges.LAST;
        if (state != DEAD) {
            int[] own = moves[state];
            for (int i = 0; i < own.length; i += 3) {
                if (character < own[i]) {
                    next = own[i] - 1;
                    break;
                }
                if (character <= own[i + 1]) {
                    return new int[] {own[i + 2], own[i + 1]};
                }
            }
        }
        return new int[] {DEAD, next};
    }

    boolean accepts(String text) {
        int state = 0;
        for (int character : text.codePoints().toArray()) {
            state = step(state, character)[0];
            if (state == DEAD) {
                return false;
            }
        }
        return accepts.get(state);
    }

    boolean isEmpty() {
        return accepts.isEmpty();
    }

    /** Without states from which no text ends. */
    private CharDfa trimmed() {
        List<List<Integer>> before = new ArrayList<>();
        for (int i = 0; i < moves.length; i++) {
            before.add(new ArrayList<>());
        }
        for (int state = 0; state < moves.length; state++) {
            for (int i = 2; i < moves[state].length; i += 3) {
                before.get(moves[state][i]).add(state);
            }
        }
        BitSet live = (BitSet) accepts.clone();
        List<Integer> open = new ArrayList<>(live.stream().boxed().toList());
        while (!open.isEmpty()) {
            for (int state : before.get(open.remove(open.size() - 1))) {
                if (!live.get(state)) {
                    live.set(state);
                    open.add(state);
                }
            }
        }
        live.set(0);
        Map<Integer, Integer> number = new TreeMap<>();
        live.stream().forEach(state -> number.put(state, number.size()));
        int[][] kept = new int[number.size()][];
        BitSet accepted = new BitSet();
        number.forEach((state, to) -> {
            Moves own = new Moves();
            for (int i = 0; i < moves[state].length; i += 3) {
                Integer target = number.get(moves[state][i + 2]);
                if (target != null) {
                    own.add(moves[state][i], moves[state][i + 1], target);
                }
            }
            kept[to] = own.toArray();
            accepted.set(to, accepts.get(state));
        });
        return new CharDfa(kept, accepted);
    }

    /** Rising ranges of a state; neighbours that lead to one state become one. */
    static final class Moves {
        private int[] values = new int[12];
        private int count;

        void add(int low, int high, int to) {
            if (count > 0 && values[count - 1] == to && values[count - 2] == low - 1) {
                values[count - 2] = high;
                return;
            }
            if (count == values.length) {
                values = Arrays.copyOf(values, 2 * count);
            }
            values[count] = low;
            values[count + 1] = high;
            values[count + 2] = to;
            count += 3;
        }

        int[] toArray() {
            return Arrays.copyOf(values, count);
        }
    }
}
