package io.sliminfer.benchmarks.quality.ruler;

/** Where the question stands. Before the document it is outside of the window whose queries decide what is pruned. */
public enum QuestionPlace {
    AFTER,
    BEFORE
}
