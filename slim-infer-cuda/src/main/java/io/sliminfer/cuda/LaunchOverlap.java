package io.sliminfer.cuda;

import java.util.Set;

/**
 * Kernels that may be launched before the one ahead of them has ended (programmatic stream serialization), and whether they are.
 *
 * <p>Why that is right: each of them calls {@code griddepcontrol.wait} in all threads before its first return. The call
 * returns when the kernel ahead has ended and its writes are seen. What comes before it reads weights, gains and arguments only
 * and writes nothing. So, by induction, when a kernel passes its wait all kernels before it have ended: what it reads is written,
 * and what it overwrites (scratch, the residual stream, the KV cache) is read by nobody any more. Weights and gains are written
 * by kernels that are not in this list; {@link KernelArguments} overlaps a launch only with a launch of this list right ahead of it,
 * so a weight's writer has ended before the first kernel of such a row starts. Copies, events, graphs and the library's products
 * order themselves by the whole stream, as before.
 */
final class LaunchOverlap {

    /** {@code true} (default) or {@code false}. */
    static final String PROPERTY = "slim-infer.cuda.launch-overlap";

    private static final int CAPABILITY_MIN = 90;

    /** Entry points; a test compares them with the sources. */
    static final Set<String> KERNELS = Set.of(
            "embed",
            "rms_norm",
            "add_bias_t",
            "add_bias_f",
            "silu_mul",
            "rope_store",
            "attend_decode",
            "attend_combine",
            "gemv_t",
            "gemv_f",
            "gemv_add",
            "gemv_gated",
            "packed_t",
            "packed_f",
            "packed_add",
            "packed_gated",
            "packed_one_t",
            "packed_one_f",
            "packed_one_add",
            "packed_one_gated",
            "packed_embed",
            "unit_keys",
            "score_logits",
            "score_logits_few",
            "score_rows",
            "score_units",
            "block_scores",
            "select_blocks",
            "argmax");

    private LaunchOverlap() {}

    /**
     * @throws IllegalArgumentException if the property is neither {@code true} nor {@code false}
     */
    static boolean enabled(int capability) {
        String value = System.getProperty(PROPERTY, "true");
        return switch (value) {
            case "true" -> capability >= CAPABILITY_MIN;
            case "false" -> false;
            default ->
                throw new IllegalArgumentException(
                        "-D" + PROPERTY + "=" + value + " is not allowed: use true or false");
        };
    }
}
