/**
 * Who holds which slot of the KV cache. Ids and counters only, no tensors. Start at {@link io.sliminfer.kv.KvCacheManager}.
 * May use {@code backend}.
 */
@NullMarked
package io.sliminfer.kv;

import org.jspecify.annotations.NullMarked;
