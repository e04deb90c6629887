/**
 * The {@code speed} command: time to first token, decode time and memory by prompt length, dense and pruned, beside what oneDNN
 * and llama.cpp reach on the same machine in the same run. Start at {@link io.sliminfer.benchmarks.speed.SpeedCommand}.
 */
@NullMarked
package io.sliminfer.benchmarks.speed;

import org.jspecify.annotations.NullMarked;
