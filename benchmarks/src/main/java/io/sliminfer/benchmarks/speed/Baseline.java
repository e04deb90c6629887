package io.sliminfer.benchmarks.speed;

import java.util.Locale;

/** What else is measured in the same run. */
enum Baseline {
    /** The model's matrix products through oneDNN and nothing else. */
    GEMM("oneDNN alone"),
    /** llama.cpp through its Java binding. */
    LLAMA("llama.cpp"),
    /** Jlama, if its class path is given. */
    JLAMA("Jlama");

    private final String title;

    Baseline(String title) {
        this.title = title;
    }

    /** In options and results. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** In texts. */
    String title() {
        return title;
    }
}
