package io.sliminfer.benchmarks.quality;

/** One case answered densely and by one way of pruning. */
public record PairedResult(EvalCase asked, PruneVariant variant, Outcome dense, Outcome pruned) {

    double difference() {
        return pruned.score() - dense.score();
    }

    /**
     * Whether the answers' texts differ. A chat model shows no token ids; different ids of the same text are possible but rare with
     * greedy decoding.
     */
    boolean differs() {
        return !dense.text().equals(pruned.text());
    }
}
