/**
 * Finds a model's pruning schedules: how much each layer's decision changes the answer, which combinations are on the Pareto front of
 * change against FLOPs, and which of them to take. Start at {@link io.sliminfer.benchmarks.calibrate.Calibration}; the command is
 * {@link io.sliminfer.benchmarks.quality.CalibrateCommand}. Method: {@code docs/quality.md}.
 */
@NullMarked
package io.sliminfer.benchmarks.calibrate;

import org.jspecify.annotations.NullMarked;
