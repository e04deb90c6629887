package io.sliminfer.benchmarks.quality.ruler;

import io.sliminfer.benchmarks.quality.Turn;
import io.sliminfer.benchmarks.quality.score.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * RULER's aggregation: which words are most common. {@code cwe}: ten words 30 times each in a numbered list whose other words occur
 * 3 times each (6 and once below 4,096 tokens). {@code fwe}: coded words whose counts fall with the square of their rank, the first
 * rank being dots that do not count. In the tiny style both are plain lists and the question is for the one most frequent word,
 * the only such question that SlimInfer Tiny knows.
 */
final class WordCountCase implements GrowingCase {

    private static final int SHORT_BELOW = 4096;
    private static final int COMMON_WORDS = 10;
    private static final int FREQUENT_WORDS = 3;
    private static final int CODED_LETTERS = 6;
    private static final int TINY_WORDS = 8;

    private final RulerTask task;
    private final Style style;
    private final QuestionPlace questionPlace;
    private final int length;
    private final long seed;
    private final Words words;
    private final List<String> vocabulary = new ArrayList<>();

    WordCountCase(RulerTask task, Style style, QuestionPlace questionPlace, int length, long seed) {
        this.task = task;
        this.style = style;
        this.questionPlace = questionPlace;
        this.length = length;
        this.seed = seed;
        this.words = new Words(new SplittableRandom(seed));
    }

    /** The word of this rank; the same whenever it is asked for. */
    private String word(int rank) {
        while (vocabulary.size() <= rank) {
            vocabulary.add(task == RulerTask.FWE ? words.coded(CODED_LETTERS) : words.single());
        }
        return vocabulary.get(rank);
    }

    @Override
    public List<Turn> messages(int units) {
        List<String> list =
                style == Style.TINY ? tinyList(units) : task == RulerTask.CWE ? commonList(units) : frequentList(units);
        shuffle(list);
        return List.of(Turn.user(style.message(introduction(), text(list), question(), questionPlace)));
    }

    /** Ranks 0..9 are common; each unit is one more word that is not. */
    private List<String> commonList(int units) {
        List<String> list = new ArrayList<>();
        boolean brief = length < SHORT_BELOW;
        for (int rank = 0; rank < COMMON_WORDS + units; rank++) {
            int count = rank < COMMON_WORDS ? brief ? 6 : 30 : brief ? 1 : 3;
            add(list, word(rank), count);
        }
        return list;
    }

    /** A unit is a word of the text: rank r of them has {@code units / (zeta(2) * (r + 1)^2)}, rank 0 is dots. */
    private List<String> frequentList(int units) {
        double zeta = Math.PI * Math.PI / 6;
        List<String> list = new ArrayList<>();
        int total = units + 100; // so that even an empty text has its three words, 15, 6 and 3 times
        for (int rank = 0; ; rank++) {
            int count = (int) (total / (zeta * (rank + 1) * (rank + 1)));
            if (count == 0) {
                return list;
            }
            add(list, rank == 0 ? "..." : word(rank - 1), count);
        }
    }

    /** Eight words; the first one makes up a third, the others share the rest. */
    private List<String> tinyList(int units) {
        List<String> list = new ArrayList<>();
        int total = units + 3 * TINY_WORDS;
        add(list, word(0), total / 3);
        for (int i = 0; i < total - total / 3; i++) {
            list.add(word(1 + i % (TINY_WORDS - 1)));
        }
        return list;
    }

    private static void add(List<String> list, String word, int count) {
        for (int i = 0; i < count; i++) {
            list.add(word);
        }
    }

    private void shuffle(List<String> list) {
        SplittableRandom random = new SplittableRandom(~seed);
        for (int i = list.size() - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            String word = list.get(i);
            list.set(i, list.get(other));
            list.set(other, word);
        }
    }

    private String text(List<String> list) {
        if (style == Style.TINY || task == RulerTask.FWE) {
            return String.join(" ", list);
        }
        StringBuilder numbered = new StringBuilder();
        for (int i = 0; i < list.size(); i++) {
            numbered.append(i == 0 ? "" : " ").append(i + 1).append(". ").append(list.get(i));
        }
        return numbered.toString();
    }

    private String introduction() {
        return task == RulerTask.CWE
                ? "Below is a numbered list of words. Some of them appear more often than others: memorize those."
                : "Read the following coded text and keep track of how often each coded word appears.";
    }

    private String question() {
        if (style == Style.TINY) {
            return "Which word appears most often in the list %s?"
                    .formatted(questionPlace == QuestionPlace.AFTER ? "above" : "below");
        }
        return task == RulerTask.CWE
                ? "What are the " + COMMON_WORDS + " most common words in the list? Answer with the words only."
                : "What are the three most frequent words of the coded text? Ignore the dots \"...\" and answer with the"
                        + " words only.";
    }

    @Override
    public List<String> expected() {
        int count = style == Style.TINY ? 1 : task == RulerTask.CWE ? COMMON_WORDS : FREQUENT_WORDS;
        List<String> expected = new ArrayList<>();
        for (int rank = 0; rank < count; rank++) {
            expected.add(word(rank));
        }
        return expected;
    }

    @Override
    public Metric metric() {
        return Metric.ALL;
    }

    @Override
    public int maxTokens() {
        return task == RulerTask.CWE ? 120 : 64;
    }

    @Override
    public Map<String, Object> notes(int units) {
        return Map.of();
    }
}
