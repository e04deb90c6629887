/**
 * The one forward pass of all architectures, both phases and all backends. Start at {@link io.sliminfer.model.Transformer}. May
 * use {@code kv}, {@code backend}, {@code prune} and {@code format}.
 */
@NullMarked
package io.sliminfer.model;

import org.jspecify.annotations.NullMarked;
