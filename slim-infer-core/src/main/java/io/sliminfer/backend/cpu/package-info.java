/**
 * Backends that run on the processor. {@link io.sliminfer.backend.cpu.JavaBackend} is plain Java and runs everywhere; its
 * row kernels and its {@link io.sliminfer.backend.cpu.WorkerPool} serve the other backends of this package too.
 *
 * <p>Loops that must be fast are written for C2, which vectorises {@code c[j] += a * b[j]} over arrays that start at index 0. It
 * does not vectorise float reductions, loops whose arrays carry different offsets, or bodies of more than about sixty nodes: hence
 * scratch arrays that start at 0, products as sums of rows, and long formulas in several short passes.
 */
@NullMarked
package io.sliminfer.backend.cpu;

import org.jspecify.annotations.NullMarked;
