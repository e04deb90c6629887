package io.sliminfer.benchmarks.quality.ruler;

import io.sliminfer.benchmarks.quality.Turn;
import io.sliminfer.benchmarks.quality.score.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeSet;

/** RULER's variable tracking: one chain of four hops among repeated sentences, asked for by its value. */
final class VariableCase implements GrowingCase {

    private static final int HOPS = 4;
    private static final int SENTENCES_PER_LINE = 5;

    private final Style style;
    private final QuestionPlace questionPlace;
    private final Haystack haystack = Haystack.noise();
    private final List<String> variables = new ArrayList<>();
    private final List<String> statements = new ArrayList<>();

    /** Where each statement goes, as a share of the haystack, rising: a variable is set before it is copied. */
    private final List<Double> shares;

    private final String value;

    VariableCase(Style style, QuestionPlace questionPlace, long seed) {
        this.style = style;
        this.questionPlace = questionPlace;
        SplittableRandom random = new SplittableRandom(seed);
        Words words = new Words(random.split());
        this.value = words.number(5);
        for (int i = 0; i <= HOPS; i++) {
            // SlimInfer Tiny was trained on names of three letters.
            variables.add(words.capitals(style == Style.TINY ? 3 : 5));
            statements.add("VAR " + variables.get(i) + " = " + (i == 0 ? value : "VAR " + variables.get(i - 1)) + ".");
        }
        TreeSet<Double> drawn = new TreeSet<>();
        while (drawn.size() <= HOPS) {
            drawn.add(random.nextDouble());
        }
        this.shares = List.copyOf(drawn);
    }

    @Override
    public List<Turn> messages(int units) {
        StringBuilder text = new StringBuilder();
        int next = 0;
        for (int i = 0; i <= units; i++) {
            for (; next <= HOPS && (int) (shares.get(next) * (units + 1)) == i; next++) {
                text.append(text.isEmpty() ? "" : "\n").append(statements.get(next));
            }
            if (i < units) {
                text.append(text.isEmpty() ? "" : i % SENTENCES_PER_LINE == 0 ? "\n" : " ")
                        .append(haystack.sentence(i));
            }
        }
        String question = "Find all variables that are assigned the value " + value + " in the text above."
                + (style == Style.RULER ? " There are " + (HOPS + 1) + "; answer with their names only." : "");
        return List.of(Turn.user(style.message(
                "Memorize and track the chain of variable assignments hidden in the following text.\n",
                text.toString(),
                questionPlace == QuestionPlace.AFTER ? question : question.replace("text above", "text below"),
                questionPlace)));
    }

    @Override
    public List<String> expected() {
        return variables;
    }

    @Override
    public Metric metric() {
        return Metric.ALL;
    }

    @Override
    public int maxTokens() {
        return 64;
    }

    @Override
    public Map<String, Object> notes(int units) {
        return Map.of("hops", HOPS);
    }
}
