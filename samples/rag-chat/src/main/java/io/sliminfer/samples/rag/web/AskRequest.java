package io.sliminfer.samples.rag.web;

import io.sliminfer.samples.rag.Prefill;
import org.jspecify.annotations.Nullable;

/**
 * A question from the page.
 *
 * @param question what to answer
 * @param dense    whether prefill computes every token in every layer; null is false
 * @param whole    whether the whole prompt is computed, although an earlier one began alike; null is false
 */
record AskRequest(@Nullable String question, @Nullable Boolean dense, @Nullable Boolean whole) {

    Prefill prefill() {
        return new Prefill(Boolean.TRUE.equals(dense), Boolean.TRUE.equals(whole));
    }
}
