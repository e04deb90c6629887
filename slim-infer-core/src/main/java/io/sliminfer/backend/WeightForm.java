package io.sliminfer.backend;

import io.sliminfer.format.ChannelQuantiser;
import org.jspecify.annotations.Nullable;

/**
 * How a backend keeps a weight.
 *
 * @param type such as {@code int8}, {@code bf16}, {@code q4_k}; empty if the backend does not say
 * @param loss what quantising it lost, beside what the file has
 * @param kept why it is not quantised although others are, or null
 */
public record WeightForm(String type, ChannelQuantiser.Loss loss, @Nullable String kept) {

    public static final WeightForm UNKNOWN = of("");

    /** As the file has it, or converted without a loss that counts. */
    public static WeightForm of(String type) {
        return new WeightForm(type, ChannelQuantiser.Loss.NONE, null);
    }
}
