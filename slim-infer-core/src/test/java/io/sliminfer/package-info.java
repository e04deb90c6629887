/** Tests of the whole module. */
@NullMarked
package io.sliminfer;

import org.jspecify.annotations.NullMarked;
