/**
 * Runs LongBench (Bai et al., arXiv 2308.14508) on its published JSONL files, which the user brings. Start at
 * {@link io.sliminfer.benchmarks.quality.longbench.LongBenchFiles}; prompts and answer lengths are in
 * {@link io.sliminfer.benchmarks.quality.longbench.LongBenchTask}.
 */
@NullMarked
package io.sliminfer.benchmarks.quality.longbench;

import org.jspecify.annotations.NullMarked;
