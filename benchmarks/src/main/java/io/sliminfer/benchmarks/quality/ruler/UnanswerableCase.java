package io.sliminfer.benchmarks.quality.ruler;

import io.sliminfer.benchmarks.quality.Turn;
import io.sliminfer.benchmarks.quality.ruler.Facts.Fact;
import io.sliminfer.benchmarks.quality.ruler.Facts.Kind;
import io.sliminfer.benchmarks.quality.score.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A question that looks answerable: the document states other facts of the thing, and the same attribute of two other things of its
 * kind, but not this one.
 */
final class UnanswerableCase implements GrowingCase {

    private static final String INSTRUCTION = " If the text does not say, reply with the word \"unanswerable\".";

    private final Style style;
    private final QuestionPlace questionPlace;
    private final Haystack haystack;
    private final List<Fact> facts = new ArrayList<>();
    private final List<Double> shares = new ArrayList<>();
    private final String question;

    UnanswerableCase(Style style, QuestionPlace questionPlace, long seed) {
        this.style = style;
        this.questionPlace = questionPlace;
        SplittableRandom random = new SplittableRandom(seed);
        this.haystack = Haystack.essay(random.split());
        Words words = new Words(random.split());
        Facts source = new Facts(words);
        Kind kind = source.kind();
        String thing = source.thing(kind);
        String missing = kind.attributes().get(0);
        facts.add(source.fact(kind, thing, kind.attributes().get(1)));
        facts.add(source.fact(kind, thing, kind.attributes().get(2)));
        for (int other = 0; other < 2; other++) {
            String otherThing = source.thing(kind);
            facts.add(source.fact(kind, otherThing, missing));
            facts.add(source.fact(kind, otherThing, kind.attributes().get(1)));
        }
        facts.forEach(fact -> shares.add(random.nextDouble()));
        this.question = "What is the " + missing + " of " + thing + "?";
    }

    @Override
    public List<Turn> messages(int units) {
        List<String> sentences = new ArrayList<>();
        for (int i = 0; i <= units; i++) {
            for (int f = 0; f < facts.size(); f++) {
                if ((int) (shares.get(f) * (units + 1)) == i) {
                    sentences.add(facts.get(f).statement());
                }
            }
            if (i < units) {
                sentences.add(haystack.sentence(i));
            }
        }
        return List.of(Turn.user(style.message(
                "Answer the question from the following text.",
                String.join("\n\n", sentences),
                style == Style.TINY ? question : question + INSTRUCTION,
                questionPlace)));
    }

    @Override
    public List<String> expected() {
        return style == Style.TINY ? List.of("The context does not say") : List.of("unanswerable", "does not say");
    }

    @Override
    public Metric metric() {
        return Metric.CONTAINS;
    }

    @Override
    public int maxTokens() {
        return 64;
    }

    @Override
    public Map<String, Object> notes(int units) {
        return Map.of();
    }
}
