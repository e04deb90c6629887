/**
 * Where the time of a request went, as spans below the one of its chat operation. Start at
 * {@link io.sliminfer.spring.tracing.StageSpans}. Needs micrometer-tracing.
 */
@NullMarked
package io.sliminfer.spring.tracing;

import org.jspecify.annotations.NullMarked;
