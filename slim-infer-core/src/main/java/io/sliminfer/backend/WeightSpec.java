package io.sliminfer.backend;

import io.sliminfer.format.TensorSource;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a backend loads as one {@link Weight}.
 *
 * @param parts  matrices stacked by rows, such as q, k and v
 * @param biases one vector for each part, or empty
 * @param use    how the weight will be used
 * @param kept   why a backend must not quantise it, or null if it may
 */
public record WeightSpec(
        String name, List<TensorSource> parts, List<TensorSource> biases, Use use, @Nullable String kept) {

    public WeightSpec(String name, List<TensorSource> parts, List<TensorSource> biases, Use use) {
        this(name, parts, biases, use, null);
    }

    private static final String SUFFIX = ".weight";

    public enum Use {
        /** {@link Ops#linear}, {@link Ops#linearAdd}, {@link Ops#gatedLinear}. */
        LINEAR,
        /** {@link Ops#embed}, and {@link Ops#linear} where embeddings are tied. */
        TABLE,
        /** {@link Ops#embed} alone: rows are looked up, so that the table may lie outside of the device's memory. */
        LOOKUP,
        /** One row of gains for a norm. */
        GAIN
    }

    public WeightSpec {
        parts = List.copyOf(parts);
        biases = List.copyOf(biases);
        if (parts.isEmpty() || (!biases.isEmpty() && biases.size() != parts.size())) {
            throw new IllegalArgumentException(name + ": " + parts.size() + " parts with " + biases.size()
                    + " biases; give none or one for each part");
        }
    }

    /** The same, not to be quantised. */
    public WeightSpec keptBecause(String reason) {
        return new WeightSpec(name, parts, biases, use, reason);
    }

    public static WeightSpec of(String name, Use use, TensorSource part) {
        return new WeightSpec(name, List.of(part), List.of(), use);
    }

    /** The name of the linear layer, as calibration and reports have it. */
    public String layer() {
        return name.endsWith(SUFFIX) ? name.substring(0, name.length() - SUFFIX.length()) : name;
    }

    public long rows() {
        return parts.stream().mapToLong(TensorSource::rows).sum();
    }

    public long columns() {
        return parts.get(0).columns();
    }
}
