/**
 * The {@code cuda} command: the engine's times and memory on a GPU, beside the least that this GPU would need for the same work,
 * measured in the same run; when the GPU ran which operation. Start at {@link io.sliminfer.benchmarks.cuda.CudaCommand}.
 */
@NullMarked
package io.sliminfer.benchmarks.cuda;

import org.jspecify.annotations.NullMarked;
