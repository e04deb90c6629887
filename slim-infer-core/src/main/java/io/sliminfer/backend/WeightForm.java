package io.sliminfer.backend;

import io.sliminfer.format.ChannelQuantiser;
import org.jspecify.annotations.Nullable;

/**
 * How a backend keeps a weight.
 *
 * @param type  such as {@code int8}, {@code bf16}, {@code q4_k}; empty if the backend does not say
 * @param loss  what quantising it lost, beside what the file has
 * @param kept  why it is not quantised although others are, or null
 * @param cache what {@link BackendSettings#weightCache} did for it
 */
public record WeightForm(String type, ChannelQuantiser.Loss loss, @Nullable String kept, Cache cache) {

    /** Where packed weights came from. */
    public enum Cache {
        /** Not of the kind that is cached, or there is no cache. */
        UNUSED,
        /** Made at this start. */
        MISSED,
        /** Read from the cache. */
        FOUND
    }

    public static final WeightForm UNKNOWN = of("");

    /** Not from a cache. */
    public WeightForm(String type, ChannelQuantiser.Loss loss, @Nullable String kept) {
        this(type, loss, kept, Cache.UNUSED);
    }

    /** As the file has it, or converted without a loss that counts. */
    public static WeightForm of(String type) {
        return new WeightForm(type, ChannelQuantiser.Loss.NONE, null);
    }
}
