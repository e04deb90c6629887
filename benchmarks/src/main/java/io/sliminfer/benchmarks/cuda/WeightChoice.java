package io.sliminfer.benchmarks.cuda;

import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.format.GgufType;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Values of {@code --weights}: how an engine keeps its weights, and for random models what these are. */
enum WeightChoice {
    AUTO(WeightPrecision.AUTO, null),
    BF16(WeightPrecision.BF16, null),
    INT8(WeightPrecision.INT8, null),
    Q8_0(WeightPrecision.AUTO, GgufType.Q8_0),
    Q4_0(WeightPrecision.AUTO, GgufType.Q4_0),
    Q4_K(WeightPrecision.AUTO, GgufType.Q4_K),
    Q6_K(WeightPrecision.AUTO, GgufType.Q6_K);

    private final WeightPrecision precision;
    private final @Nullable GgufType blocks;

    WeightChoice(WeightPrecision precision, @Nullable GgufType blocks) {
        this.precision = precision;
        this.blocks = blocks;
    }

    WeightPrecision precision() {
        return precision;
    }

    /** Blocks that a random model is made of, or null for its own numbers. */
    @Nullable
    GgufType blocks() {
        return blocks;
    }

    /** In results; empty where nothing was chosen. */
    String label() {
        return this == AUTO ? "" : name().toLowerCase(Locale.ROOT);
    }
}
