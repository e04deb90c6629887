package io.sliminfer.benchmarks.calibrate;

import io.sliminfer.benchmarks.report.Shares;
import io.sliminfer.engine.Engine;
import io.sliminfer.model.FlopCount;
import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
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

    /**
     * The predicted front of one and two steps, at most {@code count} of it, and others that nothing predicts, measured.
     *
     * @param others the default by depth and what a user asks for, mass budgets among them; an empty one is left out
     */
    public List<Candidate> measureFront(List<Candidate> singles, int count, List<List<PruneStep>> others) {
        List<Candidate> predicted =
                Candidate.spread(Candidate.front(Candidate.compose(singles, this::flopsShare)), count);
        Set<List<PruneStep>> schedules =
                new LinkedHashSet<>(predicted.stream().map(Candidate::steps).toList());
        others.stream().filter(steps -> !steps.isEmpty()).forEach(schedules::add);
        return measure("front", List.copyOf(schedules));
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
        Map<List<PruneStep>, List<Double>> flops = new LinkedHashMap<>();
        schedules.forEach(steps -> {
            changes.put(steps, new ArrayList<>());
            flops.put(steps, new ArrayList<>());
        });
        for (int i = 0; i < prompts.size(); i++) {
            Prompt prompt = prompts.get(i);
            long start = System.nanoTime();
            AnswerLogits dense = AnswerLogits.of(engine, prompt.tokens(), sizes, answerTokens);
            List<Change> ofPrompt = new ArrayList<>();
            for (List<PruneStep> steps : schedules) {
                AnswerLogits pruned = AnswerLogits.of(engine, prompt.tokens(), sizes.withSteps(steps), answerTokens);
                Change change = Change.between(dense, pruned);
                ofPrompt.add(change);
                changes.get(steps).add(change);
                flops.get(steps).add(pruned.flopsShare());
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
                .map(steps -> new Candidate(steps, Shares.of(flops.get(steps)), Change.mean(changes.get(steps))))
                .toList();
    }

    /** Of fixed budgets, before anything ran. */
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
