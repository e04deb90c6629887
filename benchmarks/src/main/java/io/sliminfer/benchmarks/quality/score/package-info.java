/**
 * Scores of answers, 0 to 1: matches, RULER's and LongBench's. Start at {@link io.sliminfer.benchmarks.quality.score.Metric}. Text in,
 * number out: imports nothing else of this project.
 */
@NullMarked
package io.sliminfer.benchmarks.quality.score;

import org.jspecify.annotations.NullMarked;
