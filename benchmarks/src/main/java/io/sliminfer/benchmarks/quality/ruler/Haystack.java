package io.sliminfer.benchmarks.quality.ruler;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/**
 * The text that hides the needles: an endless row of sentences, of which a prompt takes the first ones. The same seed gives the
 * same row, however many are taken. One thread.
 */
final class Haystack {

    /** What stands around the needles. */
    enum Kind {
        /** Five short sentences, again and again. */
        NOISE,
        /** Prose that never repeats exactly, made of our own patterns and words. */
        ESSAY,
        /** Nothing but other needles. */
        NEEDLES
    }

    private static final List<String> NOISE_SENTENCES =
            List.of("The lake is calm.", "The wind is low.", "The road is dry.", "On we walk.", "Then we turn home.");

    private static final List<String> VERBS = List.of(
            "holds",
            "follows",
            "replaces",
            "describes",
            "reaches",
            "keeps",
            "changes",
            "opens",
            "checks",
            "moves",
            "covers",
            "carries",
            "needs",
            "shows",
            "joins",
            "starts");

    private final List<String> sentences = new ArrayList<>();
    private final Supplier<String> source;

    private Haystack(Supplier<String> source) {
        this.source = source;
    }

    static Haystack noise() {
        int[] next = {0};
        return new Haystack(() -> NOISE_SENTENCES.get(next[0]++ % NOISE_SENTENCES.size()));
    }

    static Haystack essay(SplittableRandom random) {
        Words words = new Words(random);
        return new Haystack(() -> essaySentence(words));
    }

    /** @param sentence draws the next sentence */
    static Haystack of(Supplier<String> sentence) {
        return new Haystack(sentence);
    }

    String sentence(int index) {
        while (sentences.size() <= index) {
            sentences.add(source.get());
        }
        return sentences.get(index);
    }

    private static String essaySentence(Words words) {
        String first = words.adjective() + " " + words.noun();
        String second = words.adjective() + " " + words.noun();
        String third = words.noun();
        String verb = words.pick(VERBS);
        String sentence =
                switch (words.below(10)) {
                    case 0 -> "The %s %s the %s near the %s.".formatted(first, verb, second, third);
                    case 1 -> "When the %s is ready, it %s the %s.".formatted(first, verb, second);
                    case 2 ->
                        "Most people who visit the %s see only the %s and never the %s."
                                .formatted(third, first, second);
                    case 3 -> "If there is no %s, the %s %s the %s instead.".formatted(third, first, verb, second);
                    case 4 -> "The %s can be used together with the %s.".formatted(first, second);
                    case 5 -> "It is not always clear why the %s %s the %s.".formatted(first, verb, second);
                    case 6 -> "Before that, the %s was only the %s beside the %s.".formatted(first, second, third);
                    case 7 -> "Both the %s and the %s depend on the %s.".formatted(first, second, third);
                    case 8 ->
                        "You should not move the %s while the %s %s the %s.".formatted(third, first, verb, second);
                    default -> "In the end the %s %s more than the %s.".formatted(first, verb, second);
                };
        return sentence.substring(0, 1).toUpperCase(Locale.ROOT) + sentence.substring(1);
    }
}
