package io.sliminfer.benchmarks.quality.ruler;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The tasks. Names and sizes are RULER's ({@code synthetic.yaml}); {@code qa} stands for its two, on passages of our own or the
 * user's; the tasks after it are ours.
 */
public enum RulerTask {
    /** A number among five repeated sentences. */
    NIAH_SINGLE_1(new Needles(Haystack.Kind.NOISE, Value.PAIR, Value.NUMBER, 1, 1, 1)),
    /** A number in prose. */
    NIAH_SINGLE_2(new Needles(Haystack.Kind.ESSAY, Value.PAIR, Value.NUMBER, 1, 1, 1)),
    /** A code in prose. */
    NIAH_SINGLE_3(new Needles(Haystack.Kind.ESSAY, Value.PAIR, Value.CODE, 1, 1, 1)),
    /** Four needles of which one is asked for. */
    NIAH_MULTIKEY_1(new Needles(Haystack.Kind.ESSAY, Value.PAIR, Value.NUMBER, 4, 1, 1)),
    /** Nothing but needles. */
    NIAH_MULTIKEY_2(new Needles(Haystack.Kind.NEEDLES, Value.PAIR, Value.NUMBER, 1, 1, 1)),
    /** Nothing but needles, keys and values are codes. */
    NIAH_MULTIKEY_3(new Needles(Haystack.Kind.NEEDLES, Value.CODE, Value.CODE, 1, 1, 1)),
    /** Four values of one key. */
    NIAH_MULTIVALUE(new Needles(Haystack.Kind.ESSAY, Value.PAIR, Value.NUMBER, 1, 4, 1)),
    /** Four keys asked for at once. */
    NIAH_MULTIQUERY(new Needles(Haystack.Kind.ESSAY, Value.PAIR, Value.NUMBER, 4, 1, 4)),
    /** Variable tracking: a chain of four assignments. */
    VT(null),
    /** The ten most common words of a numbered list. */
    CWE(null),
    /** The three most frequent coded words. */
    FWE(null),
    /** A question about one of many passages. */
    QA(null),
    /** A word in prose: harder to copy than digits. */
    NIAH_SINGLE_WORD(new Needles(Haystack.Kind.ESSAY, Value.PAIR, Value.WORD, 1, 1, 1)),
    /** Two needles asked for at once. */
    TWO_NEEDLES(new Needles(Haystack.Kind.ESSAY, Value.PAIR, Value.NUMBER, 2, 1, 2)),
    /** A second question, about text that the first one did not need. */
    SECOND_TURN(new Needles(Haystack.Kind.ESSAY, Value.PAIR, Value.NUMBER, 2, 1, 1)),
    /** A question that the document does not answer. */
    UNANSWERABLE(null);

    /** What keys and values look like. */
    enum Value {
        NUMBER,
        WORD,
        PAIR,
        CODE
    }

    /**
     * What is hidden where.
     *
     * @param keys    keys with needles of their own
     * @param values  needles of each key
     * @param queries keys that are asked for
     */
    record Needles(Haystack.Kind haystack, Value key, Value value, int keys, int values, int queries) {

        /** The same asking for no more than {@code most} values. */
        Needles atMost(int most) {
            return new Needles(haystack, key, value, keys, Math.min(values, most), Math.min(queries, most));
        }
    }

    private final @Nullable Needles needles;

    RulerTask(@Nullable Needles needles) {
        this.needles = needles;
    }

    /** What is hidden, or null for a task without needles. */
    @Nullable
    Needles needles() {
        return needles;
    }

    /** Whether {@link Placement}s other than spread can be asked for. */
    public boolean isPlaceable() {
        return needles != null;
    }

    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Tasks by name; {@code niah} means all whose names start so, {@code ruler} RULER's own, {@code all} every one.
     *
     * @throws IllegalArgumentException naming the word and the tasks there are
     */
    public static List<RulerTask> parse(List<String> names) {
        List<RulerTask> tasks = new ArrayList<>();
        for (String name : names) {
            List<RulerTask> named = Arrays.stream(values())
                    .filter(task -> task.isMeantBy(name.strip().toLowerCase(Locale.ROOT)))
                    .toList();
            if (named.isEmpty()) {
                throw new IllegalArgumentException("task \"" + name + "\" is unknown: use all, ruler, niah or some of "
                        + Arrays.stream(values()).map(RulerTask::label).collect(Collectors.joining(", ")));
            }
            named.stream().filter(task -> !tasks.contains(task)).forEach(tasks::add);
        }
        return tasks;
    }

    private boolean isMeantBy(String name) {
        return switch (name) {
            case "all" -> true;
            case "ruler" -> ordinal() <= QA.ordinal();
            case "niah" -> label().startsWith("niah_");
            default -> label().equals(name);
        };
    }
}
