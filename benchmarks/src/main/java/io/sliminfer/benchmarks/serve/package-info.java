/**
 * The engine under load: callers that each send their next request when their last one has ended, what they saw of it, and whether
 * anything is left behind. Start at {@link io.sliminfer.benchmarks.serve.ServeCommand}.
 */
@NullMarked
package io.sliminfer.benchmarks.serve;

import org.jspecify.annotations.NullMarked;
