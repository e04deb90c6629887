/**
 * What each operation means, in plain loops. Slow on purpose and used by tests only: every other backend is compared with
 * {@link io.sliminfer.backend.reference.ReferenceBackend}.
 */
@NullMarked
package io.sliminfer.backend.reference;

import org.jspecify.annotations.NullMarked;
