/**
 * NVIDIA GPUs. This version finds out what a machine has; kernels come with the CUDA backend. Start at
 * {@link io.sliminfer.cuda.CudaProbe}. May use {@code backend}, {@code format} and {@code prune} of core.
 */
@NullMarked
package io.sliminfer.cuda;

import org.jspecify.annotations.NullMarked;
