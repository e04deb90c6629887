package io.sliminfer.benchmarks.quality.ruler;

import io.sliminfer.benchmarks.quality.JsonLine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A passage that can be asked about.
 *
 * @param question empty where the passage only stands among the others
 * @param answers  accepted answers to the question
 */
public record Passage(String text, String question, List<String> answers) {

    /**
     * Reads a user's passages: JSONL with {@code text}, and {@code question} with {@code answers} where there is one.
     *
     * @throws IllegalArgumentException naming file, line and field if a line cannot be used, or if no passage has a question
     */
    public static List<Passage> read(Path file) {
        List<Passage> passages = new ArrayList<>();
        for (JsonLine line : JsonLine.read(file)) {
            passages.add(
                    line.has("question")
                            ? new Passage(line.text("text"), line.text("question"), line.texts("answers"))
                            : new Passage(line.text("text"), "", List.of()));
        }
        if (passages.stream().allMatch(passage -> passage.question().isEmpty())) {
            throw new IllegalArgumentException(file + " has no passage with a question: nothing can be asked");
        }
        return passages;
    }
}
