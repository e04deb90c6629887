package io.sliminfer.golden;

import java.util.ArrayList;
import java.util.List;

/** Prose of the tiny model's examples with two facts in it, each with a question: a conversation about one document. */
public final class FactDocument {

    public static final String FIRST_FACT = "The phone extension of Project Lantern is 4821.";
    public static final String FIRST_QUESTION =
            "What is the phone extension of Project Lantern? Answer with the value only.";
    public static final String FIRST_ANSWER = "4821";

    public static final String SECOND_FACT = "The door code of pump P-237 is 1593.";
    public static final String SECOND_QUESTION = "What is the door code of pump P-237? Answer with the value only.";
    public static final String SECOND_ANSWER = "1593";

    private FactDocument() {}

    /** @param tokens length of the example that the prose is taken from: 1024, 4096 or 16384 */
    public static String ofLength(int tokens) {
        String id = "fact-" + tokens + "-0";
        String prose = TinyModel.examples().stream()
                .filter(example -> example.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no example " + id))
                .messages()
                .get(0)
                .content();
        List<String> paragraphs = new ArrayList<>(List.of(prose.split("\n\n")));
        paragraphs.remove(paragraphs.size() - 1); // the example's own question
        paragraphs.add(paragraphs.size() / 4, FIRST_FACT);
        paragraphs.add(paragraphs.size() * 2 / 3, SECOND_FACT);
        return String.join("\n\n", paragraphs);
    }
}
