/**
 * Seeded tasks of any length after RULER (Hsieh et al., arXiv 2404.06654): needles, variable tracking, word counts, questions about
 * passages. Start at {@link io.sliminfer.benchmarks.quality.ruler.RulerTasks}. No file is fetched: words, text and values are our own.
 */
@NullMarked
package io.sliminfer.benchmarks.quality.ruler;

import org.jspecify.annotations.NullMarked;
