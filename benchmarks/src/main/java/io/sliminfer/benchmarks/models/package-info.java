/**
 * Writes model files of a given shape with seeded random weights: safetensors folders for this engine, GGUF files for llama.cpp.
 * Start at {@link io.sliminfer.benchmarks.models.SyntheticModel}.
 */
@NullMarked
package io.sliminfer.benchmarks.models;

import org.jspecify.annotations.NullMarked;
