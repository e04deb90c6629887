package io.sliminfer.benchmarks.quality.ruler;

/**
 * How tasks are phrased. RULER lets the model continue a given start of the answer; through a chat model it answers by itself, so
 * the questions say what to list.
 */
public enum Style {
    /** After RULER's prompts, for instruction-tuned models. */
    RULER,
    /** The forms that SlimInfer Tiny was trained on. */
    TINY;

    /** A document and a question about it as one message of the user. */
    String message(String introduction, String context, String question, QuestionPlace place) {
        return switch (this) {
            case RULER ->
                place == QuestionPlace.AFTER
                        ? introduction + "\n" + context + "\n" + question
                        : question + "\n" + introduction + "\n" + context;
            case TINY ->
                place == QuestionPlace.AFTER
                        ? context + "\n\nQuestion: " + question
                        : "Question: " + question + "\n\nContext:\n" + context;
        };
    }
}
