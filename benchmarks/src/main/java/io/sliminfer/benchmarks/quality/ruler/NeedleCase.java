package io.sliminfer.benchmarks.quality.ruler;

import io.sliminfer.benchmarks.quality.Turn;
import io.sliminfer.benchmarks.quality.ruler.RulerTask.Needles;
import io.sliminfer.benchmarks.quality.ruler.RulerTask.Value;
import io.sliminfer.benchmarks.quality.score.Metric;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Needles in a haystack: sentences {@code The special magic number for KEY is: VALUE.} among others, and a question for some of the
 * keys. The first needle is one that is asked for, and the one that is placed.
 */
final class NeedleCase implements GrowingCase {

    /** RULER's: 0 to 100 percent in 40 steps, rounded. */
    static final int DEPTHS = 40;

    private static final int SENTENCES_PER_PARAGRAPH = 5;

    /** SlimInfer Tiny lists three values well and repeats the last one for a fourth. */
    private static final int TINY_VALUES_MAX = 3;

    private final RulerTask task;
    private final Needles spec;
    private final Style style;
    private final QuestionPlace questionPlace;
    private final Haystack haystack;
    private final List<Needle> needles = new ArrayList<>();
    private final List<String> queries = new ArrayList<>();
    private final List<String> expected = new ArrayList<>();

    /** Slot of the first needle where it is not given by its depth: -1, see {@link #moveFirstTo}. */
    private int firstSlot = -1;

    /** @param depth percent of the sentences that stand before the needle */
    private record Needle(String key, String value, String text, double depth) {}

    NeedleCase(RulerTask task, Needles spec, Style style, QuestionPlace questionPlace, Placement place, long seed) {
        this.task = task;
        this.spec = style == Style.TINY ? spec.atMost(TINY_VALUES_MAX) : spec;
        this.style = style;
        this.questionPlace = questionPlace;
        SplittableRandom random = new SplittableRandom(seed);
        Words words = new Words(random.split());
        this.haystack = haystack(words, random.split());
        List<Double> depths = new ArrayList<>();
        for (int k = 0; k < this.spec.keys(); k++) {
            String key = draw(this.spec.key(), words);
            for (int v = 0; v < this.spec.values(); v++) {
                String value = draw(this.spec.value(), words);
                double depth = needles.isEmpty() ? firstDepth(place, words, depths) : freshDepth(words, depths);
                needles.add(new Needle(key, value, statement(key, value), depth));
                if (k < this.spec.queries()) {
                    expected.add(value);
                }
            }
            if (k < this.spec.queries()) {
                queries.add(key);
            }
        }
    }

    private Haystack haystack(Words words, SplittableRandom random) {
        return switch (spec.haystack()) {
            case NOISE -> Haystack.noise();
            case ESSAY -> Haystack.essay(random);
            case NEEDLES -> Haystack.of(() -> statement(draw(spec.key(), words), draw(spec.value(), words)));
        };
    }

    private static double firstDepth(Placement place, Words words, List<Double> taken) {
        if (place instanceof Placement.Spread) {
            return freshDepth(words, taken);
        }
        // An edge is looked for near the middle, once the document has its length.
        double depth = place instanceof Placement.Depth fixed
                ? fixed.percent()
                : place instanceof Placement.Sink ? 0 : place instanceof Placement.Window ? 100 : 50;
        taken.add(depth);
        return depth;
    }

    private static double freshDepth(Words words, List<Double> taken) {
        double depth;
        do {
            depth = Math.round(words.below(DEPTHS) * 100.0 / (DEPTHS - 1));
        } while (taken.contains(depth));
        taken.add(depth);
        return depth;
    }

    private String draw(Value value, Words words) {
        return switch (value) {
            case NUMBER -> words.number(7);
            case WORD -> words.single();
            case PAIR -> words.pair();
            // SlimInfer Tiny was trained on the first three groups of a UUID.
            case CODE -> style == Style.TINY ? words.hex(8, 4, 4) : words.hex(8, 4, 4, 4, 12);
        };
    }

    private String statement(String key, String value) {
        return asksForSeveral()
                ? "One of the special magic values for " + key + " is: " + value + "."
                : "The special magic " + kind() + " for " + key + " is: " + value + ".";
    }

    private boolean asksForSeveral() {
        return spec.queries() * spec.values() > 1;
    }

    private String kind() {
        return switch (spec.value()) {
            case NUMBER -> "number";
            case WORD, PAIR -> "word";
            case CODE -> style == Style.TINY ? "code" : "uuid";
        };
    }

    /** Puts the first needle before this sentence of the haystack, whatever its depth. */
    void moveFirstTo(int slot) {
        firstSlot = slot;
    }

    /** The sentence that was placed. */
    String firstNeedle() {
        return needles.get(0).text();
    }

    @Override
    public List<Turn> messages(int units) {
        String document = document(units);
        if (task != RulerTask.SECOND_TURN) {
            return List.of(Turn.user(style.message(introduction(), document, question(queries), questionPlace)));
        }
        Needle other = needles.get(1);
        return List.of(
                Turn.user(style.message(introduction(), document, question(List.of(other.key())), questionPlace)),
                Turn.assistant(other.value()),
                Turn.user(question(queries)));
    }

    private String document(int units) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i <= units; i++) {
            for (int n = 0; n < needles.size(); n++) {
                if (slot(n, units) == i) {
                    append(text, needles.get(n).text(), i, false);
                }
            }
            if (i < units) {
                append(text, haystack.sentence(i), i, i % SENTENCES_PER_PARAGRAPH == 0);
            }
        }
        return text.toString();
    }

    private void append(StringBuilder text, String sentence, int index, boolean newParagraph) {
        if (!text.isEmpty()) {
            text.append(spec.haystack() == Haystack.Kind.NEEDLES ? "\n" : newParagraph ? "\n\n" : " ");
        }
        text.append(sentence);
    }

    private int slot(int needle, int units) {
        return needle == 0 && firstSlot >= 0
                ? Math.min(firstSlot, units)
                : (int) Math.round(units * needles.get(needle).depth() / 100);
    }

    private String introduction() {
        return asksForSeveral()
                ? "The following text hides some special magic values. Memorize them: you will be asked about them afterwards."
                : "The following text hides a special magic %s. Memorize it: you will be asked about it afterwards."
                        .formatted(kind());
    }

    private String question(List<String> keys) {
        if (!asksForSeveral()) {
            return "What is the special magic %s for %s mentioned in the provided text?".formatted(kind(), keys.get(0));
        }
        return "What are %sthe special magic values for %s mentioned in the provided text?"
                .formatted(spec.values() > 1 ? "all " : "", enumeration(keys));
    }

    private static String enumeration(List<String> keys) {
        return keys.size() == 1
                ? keys.get(0)
                : String.join(", ", keys.subList(0, keys.size() - 1)) + " and " + keys.get(keys.size() - 1);
    }

    @Override
    public List<String> expected() {
        return expected;
    }

    @Override
    public Metric metric() {
        return Metric.ALL;
    }

    @Override
    public int maxTokens() {
        return asksForSeveral() ? 128 : 64;
    }

    @Override
    public Map<String, Object> notes(int units) {
        Map<String, Object> notes = new LinkedHashMap<>();
        notes.put("depth", units == 0 ? 0 : Math.round(slot(0, units) * 1000.0 / units) / 10.0);
        return notes;
    }
}
