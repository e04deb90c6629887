/**
 * What structured output and sampling cost: {@code slim-infer-benchmarks.jar grammar}. Start at
 * {@link io.sliminfer.benchmarks.grammar.GrammarCommand}.
 */
@NullMarked
package io.sliminfer.benchmarks.grammar;

import org.jspecify.annotations.NullMarked;
