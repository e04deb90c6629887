/**
 * Runs requests: admits them, prefills and decodes them on one thread, samples, reports. Start at
 * {@link io.sliminfer.engine.Engine}. May use {@code model} and what that uses; knows ids, not text.
 */
@NullMarked
package io.sliminfer.engine;

import org.jspecify.annotations.NullMarked;
