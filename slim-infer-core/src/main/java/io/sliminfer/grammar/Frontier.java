package io.sliminfer.grammar;

import org.jspecify.annotations.Nullable;

/**
 * All that an automaton may be doing after some bytes: states, each with the calls that are open. Made and kept by
 * {@link Frontiers}, which also fills in where each byte leads.
 */
final class Frontier {

    /** Where no way leads on. */
    static final Frontier DEAD = new Frontier(new int[0], new Stack[0], false, false, 0, 0);

    /**
     * Calls that are open: the innermost one's state to return to, and the calls around it.
     */
    static final class Stack {
        final int returnTo;
        final @Nullable Stack outer;
        final int depth;
        final int id;
        /** Whether the outermost call is not known, see {@link Frontiers#within}. */
        final boolean partial;

        Stack(int returnTo, @Nullable Stack outer, int depth, int id, boolean partial) {
            this.returnTo = returnTo;
            this.outer = outer;
            this.depth = depth;
            this.id = id;
            this.partial = partial;
        }
    }

    final int[] states;
    final Stack[] stacks;
    /** The grammar may end here. */
    final boolean complete;
    /** Of a partial one: the rule may end here. */
    final boolean returns;
    /** Levels of nesting that were needed to get here, counted from the outermost known call. */
    final int need;

    final @Nullable Frontier[] next;
    /** Tokens that may follow, once asked for. */
    long @Nullable [] mask;

    Frontier(int[] states, Stack[] stacks, boolean complete, boolean returns, int need, int classes) {
        this.states = states;
        this.stacks = stacks;
        this.complete = complete;
        this.returns = returns;
        this.need = need;
        this.next = new Frontier[classes];
    }

    boolean complete() {
        return complete;
    }

    /** Whether no byte may follow. */
    boolean isFinished() {
        return states.length == 0;
    }
}
