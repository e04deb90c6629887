/** Reference values from another implementation, for tests of every module. Start at {@link io.sliminfer.golden.GoldenCases}. */
@NullMarked
package io.sliminfer.golden;

import org.jspecify.annotations.NullMarked;
