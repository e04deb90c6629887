package io.sliminfer.chat;

import io.sliminfer.text.RenderedPrompt;
import java.util.List;
import java.util.Optional;

/** What a thinking model writes before and behind its thinking. */
record ThinkingMarks(String open, String close) {

    private static final List<ThinkingMarks> KNOWN =
            List.of(new ThinkingMarks("<think>", "</think>"), new ThinkingMarks("[THINK]", "[/THINK]"));

    /** Those that the model's chat template knows; empty for models that do not think. */
    static Optional<ThinkingMarks> in(String template) {
        return KNOWN.stream()
                .filter(marks -> template.contains(marks.open()) || template.contains(marks.close()))
                .findFirst();
    }

    List<String> all() {
        return List.of(open, close);
    }

    /** Whether the template ended the prompt with the opening mark, so that the answer begins within. */
    boolean areOpenAtEndOf(RenderedPrompt prompt) {
        String text = prompt.text().stripTrailing();
        int[] trusted = prompt.trustedRuns();
        return text.endsWith(open)
                && trusted.length > 0
                && trusted[trusted.length - 1] >= text.length()
                && trusted[trusted.length - 2] <= text.length() - open.length();
    }
}
