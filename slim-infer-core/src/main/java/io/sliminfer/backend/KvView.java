package io.sliminfer.backend;

import java.util.List;

/**
 * One layer's cached keys and values, seen by the rows that pass that layer together. Rows of the sequences follow each other in
 * the tensors: the first {@code sequences[0].queries()} rows belong to the first sequence, and so on.
 */
public record KvView(KvPool pool, List<Sequence> sequences) {

    /**
     * A sequence's tokens in this layer. Row r lies in slot {@code slots[r / block]} at {@code r % block}; r counts live tokens
     * in position order, so that only RoPE needs positions.
     *
     * @param slots   slot table; at least {@code ceil(tokens / block)} entries are in use
     * @param tokens  tokens cached, this pass's own included
     * @param queries rows of this pass; they are the last {@code queries} of {@code tokens}
     */
    public record Sequence(int[] slots, int tokens, int queries) {}

    public static KvView of(KvPool pool, Sequence sequence) {
        return new KvView(pool, List.of(sequence));
    }

    /** Rows of all sequences. */
    public int queries() {
        int queries = 0;
        for (Sequence sequence : sequences) {
            queries += sequence.queries();
        }
        return queries;
    }
}
