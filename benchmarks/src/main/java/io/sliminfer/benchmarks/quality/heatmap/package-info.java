/** Draws scores by depth and length. Start at {@link io.sliminfer.benchmarks.quality.heatmap.HeatmapImage}; needs no display. */
@NullMarked
package io.sliminfer.benchmarks.quality.heatmap;

import org.jspecify.annotations.NullMarked;
