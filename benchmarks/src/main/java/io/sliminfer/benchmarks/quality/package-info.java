/**
 * Measures what pruning costs in quality: the same prompts dense and pruned through the Spring AI chat model. Start at
 * {@link io.sliminfer.benchmarks.quality.QualityCommand}; {@link io.sliminfer.benchmarks.quality.PairedRunner} asks,
 * {@link io.sliminfer.benchmarks.quality.Summary} counts.
 */
@NullMarked
package io.sliminfer.benchmarks.quality;

import org.jspecify.annotations.NullMarked;
