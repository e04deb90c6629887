package io.sliminfer.samples.rag.web;

import org.jspecify.annotations.Nullable;

/**
 * A question from the page.
 *
 * @param question what to answer
 * @param dense    whether prefill computes every token in every layer; null is false
 */
record AskRequest(@Nullable String question, @Nullable Boolean dense) {}
