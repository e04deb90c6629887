package io.sliminfer.prune;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * How the scores of a block's units become the score of the block. All candidates are full blocks with equally many units, so
 * {@link #MEAN} and {@link #SUM} rank them alike; they differ in the scores' size only.
 */
public enum UnitAggregation {
    /** The best unit speaks for its block: a single sentence can save it. */
    MAX,
    /** The mean over the block's units. */
    MEAN,
    /** The sum over the block's units. */
    SUM;

    /**
     * Reads {@code max}, {@code mean} or {@code sum}, in any case.
     *
     * @throws IllegalArgumentException naming the text and what is allowed
     */
    public static UnitAggregation parse(String text) {
        return Arrays.stream(values())
                .filter(value -> value.name().equalsIgnoreCase(text.strip()))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("pruning aggregation '" + text + "' is unknown: use "
                        + Arrays.stream(values()).map(UnitAggregation::toString).collect(Collectors.joining(", "))));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
