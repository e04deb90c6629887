package io.sliminfer.benchmarks.speed;

final class SpeedTable {
    static final String LLAMA = "llama";

    private SpeedTable() {}
}
