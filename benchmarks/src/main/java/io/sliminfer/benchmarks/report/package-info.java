/**
 * What all measurements share: JSON lines, Markdown tables, the machine and the process they ran on, medians. Measures nothing
 * itself.
 */
@NullMarked
package io.sliminfer.benchmarks.report;

import org.jspecify.annotations.NullMarked;
