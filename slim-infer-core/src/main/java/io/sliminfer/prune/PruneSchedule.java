package io.sliminfer.prune;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Where prompts are pruned and how much of them stays (SlimInfer, arXiv 2508.06447, section 3; terms as in
 * {@code docs/algorithm.md}).
 *
 * @param block  B: tokens in a block, the unit that is kept or pruned
 * @param unit   U: consecutive tokens that are scored together, 1..block
 * @param window W: last prompt tokens, whose queries do the scoring; at least 1
 * @param sink   S: first prompt tokens, which are always kept; may be 0
 * @param aggregation how a block's score follows from those of its units
 * @param steps  pruning layers in rising order; empty means dense prefill
 */
public record PruneSchedule(
        int block, int unit, int window, int sink, UnitAggregation aggregation, List<PruneStep> steps) {

    public static final int BLOCK_DEFAULT = 64;
    public static final int UNIT_DEFAULT = 8;
    public static final int WINDOW_DEFAULT = 64;
    public static final int SINK_DEFAULT = 64;

    /** Largest window: the queries of a window are kept together in one workspace. */
    public static final int WINDOW_MAX = 1024;

    public static final int BLOCK_MAX = 1024;

    /** A mass has a colon of its own; its first letter tells it from a step with one part too many. */
    private static final Pattern STEP =
            Pattern.compile("(?<layer>[^:/]*):(?<budget>[^:/]*|\\s*p[^:/]*:[^:/]*)(/(?<decode>[^/]*))?");

    public PruneSchedule {
        requireRange("block", block, 1, BLOCK_MAX);
        requireRange("unit", unit, 1, block);
        requireRange("window", window, 1, WINDOW_MAX);
        requireRange("sink", sink, 0, Integer.MAX_VALUE);
        steps = List.copyOf(steps);
        for (int i = 1; i < steps.size(); i++) {
            if (steps.get(i).layer() <= steps.get(i - 1).layer()) {
                throw new IllegalArgumentException("pruning schedule " + text(steps)
                        + ": layers must rise, but layer " + steps.get(i).layer() + " follows layer "
                        + steps.get(i - 1).layer());
            }
        }
    }

    /** A block scores as its best unit. */
    public PruneSchedule(int block, int unit, int window, int sink, List<PruneStep> steps) {
        this(block, unit, window, sink, UnitAggregation.MAX, steps);
    }

    /** No pruning, with the default block size. */
    public static PruneSchedule dense() {
        return new PruneSchedule(BLOCK_DEFAULT, UNIT_DEFAULT, WINDOW_DEFAULT, SINK_DEFAULT, List.of());
    }

    /** Default block, unit, window and sink with the given steps. */
    public static PruneSchedule of(PruneStep... steps) {
        return new PruneSchedule(BLOCK_DEFAULT, UNIT_DEFAULT, WINDOW_DEFAULT, SINK_DEFAULT, List.of(steps));
    }

    /**
     * Reads steps such as {@code "4:0.5,8:2048/512"} or {@code "4:p0.9:0.125-0.5"}: layer, colon, budget ({@link Budget#parse}) and,
     * after a slash, a decode budget; an empty text has no steps.
     *
     * @throws IllegalArgumentException naming the text, the part that cannot be read and the form that is expected
     */
    public static List<PruneStep> parseSteps(String text) {
        List<PruneStep> steps = new ArrayList<>();
        for (String part : text.isBlank() ? new String[0] : text.split(",", -1)) {
            Matcher step = STEP.matcher(part.strip());
            int layer;
            try {
                if (!step.matches()) {
                    throw new NumberFormatException();
                }
                layer = Integer.parseInt(step.group("layer").strip());
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("pruning schedule '" + text + "': '" + part.strip()
                        + "' is not LAYER:BUDGET or LAYER:BUDGET/DECODE, for example 4:0.5 (half of the prompt),"
                        + " 8:2048 (tokens), 8:p0.9:0.1-0.5 (blocks with 0.9 of the score) or 8:2048/512 (decode attends to"
                        + " 512 of them)");
            }
            try {
                Budget budget = Budget.parse(step.group("budget"));
                steps.add(new PruneStep(layer, budget, parseDecode(layer, step.group("decode"))));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("pruning schedule '" + text + "': " + e.getMessage(), e);
            }
        }
        return List.copyOf(steps);
    }

    private static Budget.@Nullable Fixed parseDecode(int layer, @Nullable String text) {
        try {
            return text == null ? null : Budget.parseFixed(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("decode budget of layer " + layer + ": " + e.getMessage(), e);
        }
    }

    /** Whether any step has a decode budget. */
    public boolean hasDecodeBudgets() {
        return steps.stream().anyMatch(step -> step.decode() != null);
    }

    /** Whether any step's number of tokens depends on the scores. */
    public boolean isAdaptive() {
        return steps.stream().anyMatch(PruneStep::isAdaptive);
    }

    /** This schedule without its steps: same blocks, dense prefill. */
    public PruneSchedule withoutSteps() {
        return steps.isEmpty() ? this : withSteps(List.of());
    }

    /** This schedule's blocks and scoring with other steps. */
    public PruneSchedule withSteps(List<PruneStep> others) {
        return new PruneSchedule(block, unit, window, sink, aggregation, others);
    }

    /**
     * Checks that the model has the schedule's layers, and layers after each that has a decode budget.
     *
     * @throws IllegalArgumentException naming the layer and the highest one allowed
     */
    public void requireLayers(int modelLayers) {
        for (PruneStep step : steps) {
            if (step.layer() >= modelLayers) {
                throw new IllegalArgumentException("pruning schedule " + text(steps) + ": there is no layer "
                        + step.layer() + "; this model has layers 0.." + (modelLayers - 1));
            }
            if (step.decode() != null && step.layer() == modelLayers - 1) {
                throw new IllegalArgumentException("pruning schedule " + text(steps) + ": layer " + step.layer()
                        + " is this model's last, so no layer can follow its decode budget " + step.decode()
                        + "; leave that budget out, or use a layer of 0.." + (modelLayers - 2));
            }
        }
    }

    private static void requireRange(String name, int value, int min, int max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException("pruning " + name + " of " + value + " tokens is not allowed: use " + min
                    + (max == Integer.MAX_VALUE ? " or more" : ".." + max));
        }
    }

    /** The first block of a prompt that holds a token of its window; this one and those behind it always stay. */
    public int firstWindowBlock(int promptTokens) {
        return (promptTokens - Math.min(window, promptTokens)) / block;
    }

    /** How many of a prompt's first blocks, before those of the window, hold a token of the sink and so always stay. */
    public int sinkBlocks(int promptTokens) {
        int holding = (int) (((long) Math.min(sink, promptTokens) + block - 1) / block);
        return Math.min(holding, firstWindowBlock(promptTokens));
    }

    /** The steps as {@link #parseSteps} reads them. */
    public String stepsText() {
        return text(steps);
    }

    private static String text(List<PruneStep> steps) {
        return steps.stream().map(PruneStep::toString).collect(Collectors.joining(","));
    }
}
