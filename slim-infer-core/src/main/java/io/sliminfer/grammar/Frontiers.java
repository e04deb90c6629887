package io.sliminfer.grammar;

import io.sliminfer.grammar.Frontier.Stack;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Runs an automaton and remembers what it did: frontiers and stacks that are equal are one object, so that a byte is looked up the
 * second time. What is remembered is bounded; when it is full it is forgotten. One thread at a time.
 */
final class Frontiers {

    private static final int FRONTIERS_MAX = 20_000;

    /** Ambiguous grammars could be in ever more states; those beyond are not followed, which leaves out texts but lets none in. */
    private static final int STATES_MAX = 1_024;

    private final Automaton automaton;
    private final int classes;
    private final int depthMax;
    private final Map<Key, Frontier> frontiers = new HashMap<>();
    private final Map<Long, Stack> stacks = new HashMap<>();
    private int stackIds;
    private final Stack bottom = new Stack(Automaton.NONE, null, 0, stackIds++, false);
    private final Stack unknown = new Stack(Automaton.NONE, null, 0, stackIds++, true);

    private record Key(long[] states, boolean complete, boolean returns, int need) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key
                    && complete == key.complete
                    && returns == key.returns
                    && need == key.need
                    && Arrays.equals(states, key.states);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(states) * 4 + (complete ? 2 : 0) + (returns ? 1 : 0);
        }
    }

    Frontiers(Automaton automaton, int depthMax) {
        this.automaton = automaton;
        this.classes = automaton.byteClasses().count();
        this.depthMax = depthMax;
    }

    Frontier start() {
        Closure closure = new Closure();
        closure.add(automaton.start(), bottom);
        return closure.finish();
    }

    /** One state whose surrounding calls are not known; {@link Frontier#returns} says where its rule may end. Nests without limit. */
    Frontier within(int state) {
        Closure closure = new Closure();
        closure.add(state, unknown);
        return closure.finish();
    }

    /** Some of a frontier's states. */
    Frontier of(int[] states, Stack[] open, int count) {
        Closure closure = new Closure();
        for (int i = 0; i < count; i++) {
            closure.add(states[i], open[i]);
        }
        return closure.finish();
    }

    /** Where a rule's end leads; {@link Frontier#DEAD} behind the last one. */
    Frontier after(Stack stack) {
        if (stack.outer == null) {
            return Frontier.DEAD;
        }
        Closure closure = new Closure();
        closure.add(stack.returnTo, stack.outer);
        return closure.finish();
    }

    Frontier step(Frontier from, int value) {
        return stepClass(from, automaton.byteClasses().of(value));
    }

    Frontier stepClass(Frontier from, int byteClass) {
        Frontier next = from.states.length == 0 ? Frontier.DEAD : from.next[byteClass];
        return next != null ? next : compute(from, byteClass);
    }

    private Frontier compute(Frontier from, int byteClass) {
        Closure closure = new Closure();
        for (int i = 0; i < from.states.length; i++) {
            int to = automaton.next(from.states[i], byteClass);
            if (to != Automaton.NONE) {
                closure.add(to, from.stacks[i]);
            }
        }
        Frontier next = closure.finish();
        from.next[byteClass] = next;
        return next;
    }

    /** Forgets all but what callers hold. */
    void clear() {
        frontiers.clear();
        stacks.clear();
    }

    private Stack push(int returnTo, Stack outer, int weight) {
        long key = (long) returnTo << 32 | outer.id;
        Stack stack = stacks.get(key);
        if (stack == null) {
            stack = new Stack(returnTo, outer, outer.depth + weight, stackIds++, outer.partial);
            stacks.put(key, stack);
        }
        return stack;
    }

    /** States that are reached without taking a byte. */
    private final class Closure {
        private final Set<Long> seen = new HashSet<>();
        private int[] states = new int[4];
        private Stack[] open = new Stack[4];
        private int count;
        private boolean complete;
        private boolean returns;
        private int need;

        void add(int state, Stack stack) {
            if (!fits(stack, automaton.height(state))
                    || seen.size() >= STATES_MAX
                    || !seen.add((long) state << 32 | stack.id)) {
                return;
            }
            if (automaton.hasMoves(state)) {
                keep(state, stack);
            }
            for (Automaton.Call call : automaton.calls(state)) {
                call(call, stack);
            }
            if (automaton.accepts(state)) {
                if (stack.outer != null) {
                    add(stack.returnTo, stack.outer);
                } else if (stack.partial) {
                    returns = true;
                } else {
                    complete = true;
                }
            }
        }

        private void call(Automaton.Call call, Stack stack) {
            // What is begun must be finished: by the called rule a level deeper, and by the rest of this one.
            if (!fits(stack, call.weight() + automaton.height(call.start()))
                    || !fits(stack, automaton.height(call.to()))) {
                return;
            }
            add(call.start(), automaton.onlyEnds(call.to()) ? stack : push(call.to(), stack, call.weight()));
        }

        private boolean fits(Stack stack, int levels) {
            int depth = stack.depth + levels;
            need = Math.max(need, stack.partial ? depth : 0);
            return stack.partial || depth <= depthMax;
        }

        private void keep(int state, Stack stack) {
            if (count == states.length) {
                states = Arrays.copyOf(states, 2 * count);
                open = Arrays.copyOf(open, 2 * count);
            }
            states[count] = state;
            open[count++] = stack;
        }

        Frontier finish() {
            if (count == 0 && !complete && !returns) {
                return Frontier.DEAD;
            }
            long[] keys = new long[count];
            for (int i = 0; i < count; i++) {
                keys[i] = (long) states[i] << 32 | open[i].id;
            }
            Arrays.sort(keys);
            Key key = new Key(keys, complete, returns, need);
            @Nullable Frontier known = frontiers.get(key);
            if (known != null) {
                return known;
            }
            if (frontiers.size() >= FRONTIERS_MAX) {
                clear();
            }
            Frontier made = new Frontier(
                    Arrays.copyOf(states, count), Arrays.copyOf(open, count), complete, returns, need, classes);
            frontiers.put(key, made);
            return made;
        }
    }
}
