/**
 * What an engine measures, as Micrometer meters. Start at {@link io.sliminfer.spring.metrics.EngineMetrics}; names, units and tags of
 * all meters are in {@link io.sliminfer.spring.metrics.EngineMeter}. Needs micrometer-core.
 */
@NullMarked
package io.sliminfer.spring.metrics;

import org.jspecify.annotations.NullMarked;
