/**
 * Times what a device does, for measurements: a backend in a wrapper that marks its queues before and after each operation and copy.
 * Start at {@link io.sliminfer.backend.trace.TracedBackend}. May use {@code backend}.
 */
@NullMarked
package io.sliminfer.backend.trace;

import org.jspecify.annotations.NullMarked;
