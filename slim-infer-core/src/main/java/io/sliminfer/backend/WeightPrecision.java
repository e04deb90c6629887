package io.sliminfer.backend;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** How the matrices of linear layers are kept: {@code slim-infer.weights}. */
public enum WeightPrecision {
    /** As the file has them, or for a quantised file the form that is fastest on the device. */
    AUTO,
    /** Not quantised: a quantised file is decoded. */
    BF16,
    /** 8 bits and a scale for each output channel, whatever the file has. */
    INT8;

    /**
     * The value that a setting names, in any case.
     *
     * @throws IllegalArgumentException naming what is allowed
     */
    public static WeightPrecision parse(String text) {
        for (WeightPrecision value : values()) {
            if (value.name().equalsIgnoreCase(text)) {
                return value;
            }
        }
        throw new IllegalArgumentException(text + " is unknown: use "
                + Arrays.stream(values()).map(WeightPrecision::toString).collect(Collectors.joining(", ")));
    }

    /** In settings, logs and results. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
