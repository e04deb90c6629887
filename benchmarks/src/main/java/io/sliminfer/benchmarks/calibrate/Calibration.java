package io.sliminfer.benchmarks.calibrate;

import io.sliminfer.engine.Engine;
import io.sliminfer.model.FlopCount;
import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Measures schedules on prompts, one request at a time, against dense prefill of the same prompt. A prompt's dense logits are held
 * only while its schedules are compared, so memory does not grow with the prompts.
 */
public final class Calibration {

    /**
     * @param id     for progress and results
     * @param tokens ids, chat template included
     */
    public record Prompt(String id, int[] tokens) {}

    /** Told after each prompt. */
    public interface Observer {

        /** @param changes one for each schedule, in order */
        void measured(Prompt prompt, List<List<PruneStep>> schedules, List<Change> changes);
    }

    private final Engine engine;
    private final PruneSchedule sizes;
    private final List<Prompt> prompts;
    private final int answerTokens;
    private final Observer observer;
    private final Consumer<String> progress;

    /**
     * @param sizes        block, unit, window, sink and aggregation of all schedules; its steps do not count
     * @param answerTokens tokens of the answer that are compared
     */
    public Calibration(
            Engine engine,
            PruneSchedule sizes,
            List<Prompt> prompts,
            int answerTokens,
            Observer observer,
            Consumer<String> progress) {
        this.engine = engine;
        this.sizes = sizes.withoutSteps();
        this.prompts = List.copyOf(prompts);
        this.answerTokens = answerTokens;
        this.observer = observer;
        this.progress = progress;
    }

    /**
     * The change of a single step at each layer with each share.
     *
     * @throws IllegalArgumentException if no prompt is long enough for any of them to prune
     */
    public List<Candidate> sensitivity(List<Integer> layers, List<Double> shares) {
        List<List<PruneStep>> singles = new ArrayList<>();
        for (int layer : layers) {
            for (double share : shares) {
                List<PruneStep> steps = List.of(new PruneStep(layer, new Budget.Share(share)));
                if (flopsShare(steps) < 1) {
                    singles.add(steps);
                }
            }
        }
        if (singles.isEmpty()) {
            throw new IllegalArgumentException("no prompt is long enough to be pruned: the longest has "
                    + prompts.stream()
                            .mapToInt(prompt -> prompt.tokens().length)
                            .max()
                            .orElse(0)
                    + " tokens, of which sink and window are always kept. Give longer prompts or smaller shares");
        }
        return measure("sensitivity", singles);
    }

    /** The predicted front of one and two steps, at most {@code count} of it, and the default by depth, measured. */
    public List<Candidate> measureFront(List<Candidate> singles, int count, List<PruneStep> byDepth) {
        List<Candidate> predicted =
                Candidate.spread(Candidate.front(Candidate.compose(singles, this::flopsShare)), count);
        List<List<PruneStep>> schedules =
                new ArrayList<>(predicted.stream().map(Candidate::steps).toList());
        if (!byDepth.isEmpty() && !schedules.contains(byDepth)) {
            schedules.add(byDepth);
        }
        return measure("front", schedules);
    }

    /** Those of the measured ones that no other beats, cheapest first. */
    public static List<Candidate> front(List<Candidate> measured) {
        return Candidate.front(measured);
    }

    /**
     * The schedule to take from a front.
     *
     * @param divergenceMax most divergence that is allowed, or NaN for the front's knee
     */
    public static Candidate choose(List<Candidate> front, double divergenceMax) {
        return Double.isNaN(divergenceMax) ? Candidate.knee(front) : Candidate.cheapest(front, divergenceMax);
    }

    private List<Candidate> measure(String what, List<List<PruneStep>> schedules) {
        Map<List<PruneStep>, List<Change>> changes = new LinkedHashMap<>();
        schedules.forEach(steps -> changes.put(steps, new ArrayList<>()));
        for (int i = 0; i < prompts.size(); i++) {
            Prompt prompt = prompts.get(i);
            long start = System.nanoTime();
            AnswerLogits dense = AnswerLogits.of(engine, prompt.tokens(), sizes, answerTokens);
            List<Change> ofPrompt = new ArrayList<>();
            for (List<PruneStep> steps : schedules) {
                Change change = Change.between(
                        dense, AnswerLogits.of(engine, prompt.tokens(), sizes.withSteps(steps), answerTokens));
                ofPrompt.add(change);
                changes.get(steps).add(change);
            }
            observer.measured(prompt, schedules, ofPrompt);
            progress.accept(String.format(
                    Locale.ROOT,
                    "%s %d/%d %s: %d tokens, dense and %d schedules in %.1f s",
                    what,
                    i + 1,
                    prompts.size(),
                    prompt.id(),
                    prompt.tokens().length,
                    schedules.size(),
                    (System.nanoTime() - start) / 1e9));
        }
        return schedules.stream()
                .map(steps -> new Candidate(steps, flopsShare(steps), Change.mean(changes.get(steps))))
                .toList();
    }

    private double flopsShare(List<PruneStep> steps) {
        PruneSchedule schedule = sizes.withSteps(steps);
        return prompts.stream()
                .mapToDouble(prompt -> 1
                        - FlopCount.saved(
                                engine.model(),
                                PrunePlan.of(
                                        schedule,
                                        prompt.tokens().length,
                                        engine.model().layers())))
                .average()
                .orElseThrow();
    }
}
