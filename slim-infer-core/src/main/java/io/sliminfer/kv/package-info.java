/**
 * Who holds which slot of the KV cache. Ids and counters only, no tensors. Start at {@link io.sliminfer.kv.SlotPool}. May use
 * {@code backend} and {@code prune}.
 */
@NullMarked
package io.sliminfer.kv;

import org.jspecify.annotations.NullMarked;
