/** What measurements of the engine share: one prompt at a time through it, the choice of its backend. */
@NullMarked
package io.sliminfer.benchmarks.trial;

import org.jspecify.annotations.NullMarked;
