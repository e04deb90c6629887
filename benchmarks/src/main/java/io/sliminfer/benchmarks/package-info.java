/**
 * The benchmark jar: {@link io.sliminfer.benchmarks.Main} and its sub-commands. Measures the engine from outside, as a user would.
 */
@NullMarked
package io.sliminfer.benchmarks;

import org.jspecify.annotations.NullMarked;
