package io.sliminfer.benchmarks.quality.ruler;

import io.sliminfer.benchmarks.quality.Turn;
import io.sliminfer.benchmarks.quality.score.Metric;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * RULER's question answering: one passage has the answer, as many others as fit stand around it. Passages are the user's or drawn:
 * a few sentences of prose with one fact.
 */
final class PassageCase implements GrowingCase {

    private static final int SENTENCES = 5;

    private final Style style;
    private final QuestionPlace questionPlace;
    private final Passage asked;
    private final List<Passage> others;
    private final double share;
    private final boolean drawn;

    /** Draws further passages; with passages of the user there are no further ones. */
    private final SplittableRandom random;

    private final Facts facts;
    private final Haystack haystack;
    private int sentencesUsed;

    /** @param given passages of the user, or empty for drawn ones */
    PassageCase(Style style, QuestionPlace questionPlace, List<Passage> given, long seed) {
        this.style = style;
        this.questionPlace = questionPlace;
        this.random = new SplittableRandom(seed);
        this.facts = new Facts(new Words(random.split()));
        this.haystack = Haystack.essay(random.split());
        this.share = random.nextDouble();
        this.drawn = given.isEmpty();
        if (drawn) {
            this.others = new ArrayList<>();
            this.asked = draw();
        } else {
            this.others = shuffled(given);
            int index = 0;
            while (others.get(index).question().isEmpty()) {
                index++;
            }
            this.asked = others.remove(index);
        }
    }

    private List<Passage> shuffled(List<Passage> given) {
        List<Passage> passages = new ArrayList<>(given);
        for (int i = passages.size() - 1; i > 0; i--) {
            passages.add(passages.remove(random.nextInt(i + 1)));
        }
        return passages;
    }

    private Passage draw() {
        List<String> sentences = new ArrayList<>();
        for (int i = 0; i < SENTENCES; i++) {
            sentences.add(haystack.sentence(sentencesUsed++));
        }
        Facts.Fact fact = facts.fact();
        sentences.add(random.nextInt(SENTENCES + 1), fact.statement());
        return new Passage(
                String.join(" ", sentences), fact.question() + " Answer with the value only.", List.of(fact.value()));
    }

    /** A unit is a passage. Of a user's passages there are no more than given: the prompt stays shorter then. */
    @Override
    public List<Turn> messages(int units) {
        while (drawn && others.size() < units) {
            others.add(draw());
        }
        List<Passage> passages = new ArrayList<>(others.subList(0, units));
        passages.add((int) (share * (passages.size() + 1)), asked);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < passages.size(); i++) {
            text.append(i == 0 ? "" : "\n\n")
                    .append(style == Style.TINY ? "[" + (i + 1) + "]\n" : "Document " + (i + 1) + ":\n")
                    .append(passages.get(i).text());
        }
        return List.of(Turn.user(style.message(
                "Answer the question based on the given documents. Give the answer only, no other words.\n",
                text.toString(),
                asked.question(),
                questionPlace)));
    }

    @Override
    public int unitsMax() {
        return drawn ? Integer.MAX_VALUE : others.size();
    }

    @Override
    public List<String> expected() {
        return asked.answers();
    }

    @Override
    public Metric metric() {
        return Metric.ANY;
    }

    @Override
    public int maxTokens() {
        return 64;
    }

    @Override
    public Map<String, Object> notes(int units) {
        Map<String, Object> notes = new LinkedHashMap<>();
        notes.put("passages", units + 1);
        notes.put("answerIn", (int) (share * (units + 1)) + 1);
        return notes;
    }
}
