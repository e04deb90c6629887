package io.sliminfer.samples.rag;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * A question about the sample's documents, from {@code questions.json}.
 *
 * @param file     document that states the fact
 * @param fact     the sentence in it
 * @param question what is asked
 * @param answer   what the model has to write
 * @param asked    whether the model is asked in a test; the others are for retrieval only
 */
record Question(String file, String fact, String question, String answer, boolean asked) {

    static List<Question> all() {
        try (InputStream in = Question.class.getResourceAsStream("/questions.json")) {
            return JsonMapper.shared().readValue(in, new TypeReference<>() {});
        } catch (IOException e) {
            throw new IllegalStateException("questions.json cannot be read", e);
        }
    }

    @Override
    public String toString() {
        return question;
    }
}
