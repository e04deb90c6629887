/** The application of README's "In your application", as a reader would write it. */
@NullMarked
package io.sliminfer.samples.minimal;

import org.jspecify.annotations.NullMarked;
