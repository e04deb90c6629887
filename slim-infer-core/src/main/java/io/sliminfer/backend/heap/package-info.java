/**
 * Tensors on Java's heap, for backends that compute on arrays: the reference and plain Java. Storage only, no arithmetic.
 */
@NullMarked
package io.sliminfer.backend.heap;

import org.jspecify.annotations.NullMarked;
