package io.sliminfer.benchmarks.quality.ruler;

import io.sliminfer.benchmarks.quality.EvalCase;
import io.sliminfer.benchmarks.quality.PromptTokens;
import io.sliminfer.benchmarks.quality.Turn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;

/**
 * Makes cases of a task at a length: the longest prompt that leaves room for the answer. The same arguments give the same cases with
 * the same tokenizer and template. One thread.
 */
public final class RulerTasks {

    /** Tokens of a needle on either side of a block edge, so that both blocks are needed. */
    private static final int EDGE_TOKENS_MIN = 4;

    private final PromptTokens tokens;
    private final Style style;
    private final QuestionPlace questionPlace;
    private final List<Passage> passages;
    private final int block;

    /**
     * @param passages what {@link RulerTask#QA} asks about, or empty for drawn ones
     * @param block    tokens of a pruning block, for {@link Placement.Edge}
     */
    public RulerTasks(
            PromptTokens tokens, Style style, QuestionPlace questionPlace, List<Passage> passages, int block) {
        this.tokens = tokens;
        this.style = style;
        this.questionPlace = questionPlace;
        this.passages = List.copyOf(passages);
        this.block = block;
    }

    /**
     * The cases {@code 0 .. count - 1} of a task.
     *
     * @param length prompt and answer together, in tokens
     * @throws IllegalArgumentException if the length is too short, or the task has no needle to place
     */
    public List<EvalCase> generate(RulerTask task, int length, int count, long seed, Placement place) {
        List<EvalCase> cases = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            cases.add(generateOne(task, length, index, seed, place));
        }
        return cases;
    }

    /** One case; {@code index} tells it from others of the same task and seed. */
    public EvalCase generateOne(RulerTask task, int length, int index, long seed, Placement place) {
        if (!task.isPlaceable() && !(place instanceof Placement.Spread)) {
            throw new IllegalArgumentException("task " + task.label() + " has no needle to place at " + place.label()
                    + ": leave --place out, or use tasks whose names start with niah, two_needles or second_turn");
        }
        long caseSeed = seedOf(seed, task, length, index);
        GrowingCase growing = growing(task, length, place, caseSeed);
        int limit = length - growing.maxTokens();
        int units = Fit.units(limit, growing.unitsMax(), task.label(), size -> tokens.count(growing.messages(size)));
        if (place instanceof Placement.Edge && growing instanceof NeedleCase needle) {
            moveToEdge(needle, units, limit);
        }
        List<Turn> messages = growing.messages(units);
        Map<String, Object> notes = new LinkedHashMap<>();
        notes.put("seed", caseSeed);
        notes.putAll(growing.notes(units));
        if (growing instanceof NeedleCase needle) {
            PromptTokens.Span span = tokens.find(messages, needle.firstNeedle());
            notes.put("place", place.label());
            notes.put("needleTokens", List.of(span.first(), span.end()));
        }
        return new EvalCase(
                task.label() + "-" + length + "-" + place.label() + "-" + index,
                task.label(),
                length,
                messages,
                growing.expected(),
                growing.metric(),
                List.of(),
                growing.maxTokens(),
                false,
                notes);
    }

    private GrowingCase growing(RulerTask task, int length, Placement place, long seed) {
        return switch (task) {
            case VT -> new VariableCase(style, questionPlace, seed);
            case CWE, FWE -> new WordCountCase(task, style, questionPlace, length, seed);
            case QA -> new PassageCase(style, questionPlace, passages, seed);
            case UNANSWERABLE -> new UnanswerableCase(style, questionPlace, seed);
            default -> new NeedleCase(task, Objects.requireNonNull(task.needles()), style, questionPlace, place, seed);
        };
    }

    /** Tries the slots around the middle, nearest first, until the needle lies in two blocks. */
    private void moveToEdge(NeedleCase needle, int units, int limit) {
        int middle = units / 2;
        for (int distance = 0; distance <= middle; distance++) {
            for (int slot : distance == 0 ? new int[] {middle} : new int[] {middle - distance, middle + distance}) {
                needle.moveFirstTo(slot);
                List<Turn> messages = needle.messages(units);
                if (isOnEdge(tokens.find(messages, needle.firstNeedle())) && tokens.count(messages) <= limit) {
                    return;
                }
            }
        }
        throw new IllegalArgumentException("no place was found where the needle lies on the edge of two blocks of "
                + block + " tokens: use a longer --lengths");
    }

    private boolean isOnEdge(PromptTokens.Span needle) {
        int edge = (needle.first() / block + 1) * block;
        return edge - needle.first() >= EDGE_TOKENS_MIN && needle.end() - edge >= EDGE_TOKENS_MIN;
    }

    /** Spreads seeds that lie close together. */
    private static long seedOf(long seed, RulerTask task, int length, int index) {
        long mixed = seed;
        for (long part : new long[] {task.label().hashCode(), length, index}) {
            mixed = new SplittableRandom(mixed ^ part * 0x9E3779B97F4A7C15L).nextLong();
        }
        return mixed;
    }
}
