package io.sliminfer.benchmarks.speed;

import java.util.Locale;

/** How the engine prefills. */
enum Mode {
    DENSE,
    PRUNED;

    /** In options and results. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
