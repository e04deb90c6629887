/**
 * Decides how many prompt tokens stay live at each layer and how large every later step is. Arithmetic only: no tensors,
 * no device. Start at {@link io.sliminfer.prune.PrunePlan}. Imports nothing else of this project.
 */
@NullMarked
package io.sliminfer.prune;

import org.jspecify.annotations.NullMarked;
