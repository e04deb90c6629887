package io.sliminfer.samples.rag;

/**
 * How a question's prompt is computed.
 *
 * @param dense whether every token passes every layer; otherwise {@code slim-infer.pruning.*} decides
 * @param whole whether all of it is computed, although an earlier prompt began alike; two runs of one prompt can only be compared like this
 */
public record Prefill(boolean dense, boolean whole) {

    /** As the properties say. */
    public static final Prefill CONFIGURED = new Prefill(false, false);

    public static final Prefill DENSE = new Prefill(true, false);
}
