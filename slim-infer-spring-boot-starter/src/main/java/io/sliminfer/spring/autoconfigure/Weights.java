package io.sliminfer.spring.autoconfigure;

import io.sliminfer.backend.WeightPrecision;

/** Values of {@code slim-infer.weights}: how the matrices of linear layers are kept in memory. */
public enum Weights {
    /** As the file has them, or for a quantised GGUF file the form that is fastest on the device. */
    AUTO(WeightPrecision.AUTO),
    /** Not quantised; a quantised GGUF file is decoded. */
    BF16(WeightPrecision.BF16),
    /** 8 bits, whatever the file has: about half the memory of bf16, and faster. */
    INT8(WeightPrecision.INT8);

    private final WeightPrecision precision;

    Weights(WeightPrecision precision) {
        this.precision = precision;
    }

    WeightPrecision precision() {
        return precision;
    }
}
