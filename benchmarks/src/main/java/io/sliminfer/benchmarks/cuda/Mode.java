package io.sliminfer.benchmarks.cuda;

import java.util.Locale;

/** How the engine answers. */
enum Mode {
    /** Dense prefill, decode attends to everything. */
    DENSE,
    /** Pruned prefill, decode attends to all that is left. */
    PRUNED,
    /** Pruned prefill, decode attends to a few blocks of what is left. */
    BUDGET;

    /** In options and results. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
