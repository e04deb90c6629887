package io.sliminfer.cuda;

import io.sliminfer.backend.Weight;

/**
 * A weight on the device, or a table in pinned host memory that the device reads row by row.
 *
 * @param address of the first element: compute dtype, or float32 for a gain
 * @param bias    address of a float32 vector of {@code rows} elements, or 0
 */
record CudaWeight(String name, long rows, long columns, long bytes, long address, long bias) implements Weight {}
