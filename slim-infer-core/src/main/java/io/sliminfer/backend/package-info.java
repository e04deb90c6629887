/**
 * The device interface: opaque tensors and about a dozen fused operations that are enqueued in order. One forward pass runs on
 * every backend; {@link io.sliminfer.backend.reference} says what each operation means. Start at
 * {@link io.sliminfer.backend.Backend} and {@link io.sliminfer.backend.Ops}. May use {@code format} and {@code prune}.
 */
@NullMarked
package io.sliminfer.backend;

import org.jspecify.annotations.NullMarked;
