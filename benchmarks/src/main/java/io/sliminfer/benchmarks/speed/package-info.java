/**
 * The {@code speed} command: time to first token, decode time and memory by prompt length, dense and pruned, beside what oneDNN,
 * llama.cpp and Jlama reach on the same machine in the same run; and the first answer after start. Start at
 * {@link io.sliminfer.benchmarks.speed.SpeedCommand}.
 */
@NullMarked
package io.sliminfer.benchmarks.speed;

import org.jspecify.annotations.NullMarked;
