package io.sliminfer.grammar;

import java.util.Set;

/** Which tokens may follow in an answer. Thread-safe; what changes is in {@link State}, one for each answer. */
public interface TokenConstraint {

    /** Highest token id that the constraint may allow, plus 1; at most the model's vocabulary. */
    int vocabulary();

    /**
     * The state before the first token.
     *
     * @param stopIds ids that end an answer: allowed where it is {@link State#isComplete complete}, whatever else they are
     */
    State begin(Set<Integer> stopIds);

    /** How far one answer is. One thread at a time; no method blocks. */
    interface State {

        /** Whether the token may follow: cheap, no mask is computed. */
        boolean allows(int token);

        /**
         * The tokens that may follow, as bits: token {@code t} is bit {@code t % 64} of word {@code t / 64}; ids behind the last word
         * may not follow. The array belongs to the state: do not change it, and do not keep it beyond the next call.
         */
        long[] allowed();

        /**
         * Goes on by a token.
         *
         * @throws IllegalStateException if the token is not allowed
         */
        void accept(int token);

        /** Whether the answer may end here. */
        boolean isComplete();

        /** Whether it must end here: nothing but an id that ends answers may follow. */
        boolean isFinished();
    }
}
