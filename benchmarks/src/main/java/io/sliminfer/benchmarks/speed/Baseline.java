package io.sliminfer.benchmarks.speed;

import java.util.Locale;

/** What else is measured in the same run. */
enum Baseline {
    /** The model's matrix products through oneDNN and nothing else. */
    GEMM,
    /** llama.cpp through its Java binding. */
    LLAMA;

    /** In options and results. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
