package io.sliminfer.benchmarks.calibrate;

import io.sliminfer.benchmarks.report.Shares;
import io.sliminfer.prune.PruneStep;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * A schedule and what it costs.
 *
 * @param flops  FLOPs of prefill as a share of dense prefill's over the prompts; without spread where it is predicted
 * @param change measured, or predicted; its agreement is 0 where it is predicted
 */
public record Candidate(List<PruneStep> steps, Shares flops, Change change) {

    /** A prediction. */
    Candidate(List<PruneStep> steps, double flopsShare, Change change) {
        this(steps, Shares.of(List.of(flopsShare)), change);
    }

    /** The mean over the prompts. */
    public double flopsShare() {
        return flops.mean();
    }

    /** Such as {@code 4:0.25,8:0.125}. */
    public String label() {
        return steps.stream().map(PruneStep::toString).collect(Collectors.joining(","));
    }

    double divergence() {
        return change.divergence();
    }

    /**
     * Those that no other beats: none is as cheap and changes less, or changes as little and is cheaper. Cheapest first; of equal
     * ones the first.
     */
    static List<Candidate> front(List<Candidate> candidates) {
        List<Candidate> sorted = new ArrayList<>(candidates);
        sorted.sort((a, b) -> a.flopsShare() != b.flopsShare()
                ? Double.compare(a.flopsShare(), b.flopsShare())
                : Double.compare(a.divergence(), b.divergence()));
        List<Candidate> front = new ArrayList<>();
        double least = Double.POSITIVE_INFINITY;
        for (Candidate candidate : sorted) {
            if (candidate.divergence() < least) {
                front.add(candidate);
                least = candidate.divergence();
            }
        }
        return front;
    }

    /** At most {@code count} of a front, spread evenly over its order, both ends among them. */
    static List<Candidate> spread(List<Candidate> front, int count) {
        if (front.size() <= count) {
            return front;
        }
        List<Candidate> spread = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            spread.add(front.get(
                    count == 1 ? front.size() / 2 : (int) Math.round(i * (front.size() - 1.0) / (count - 1))));
        }
        return spread;
    }

    /**
     * The cheapest of a front that changes at most this much.
     *
     * @throws IllegalArgumentException if all change more
     */
    static Candidate cheapest(List<Candidate> front, double divergenceMax) {
        return front.stream()
                .filter(candidate -> candidate.divergence() <= divergenceMax)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("--max-loss " + divergenceMax
                        + ": no measured schedule changes the answers so little; the least is "
                        + front.get(front.size() - 1).divergence() + " with "
                        + front.get(front.size() - 1).label()
                        + ". Allow more, or give --layers and --shares that prune less"));
    }

    /**
     * The knee of a front: the point farthest below the line from the cheapest schedule to dense prefill (divergence 0, share 1), with
     * both axes scaled to 0..1. The cheapest one if none lies below.
     */
    static Candidate knee(List<Candidate> front) {
        Candidate knee = front.get(0);
        double divergenceMax = knee.divergence();
        double shareMin = knee.flopsShare();
        double farthest = 0;
        for (Candidate candidate : front) {
            double below = 1
                    - (divergenceMax == 0 ? 0 : candidate.divergence() / divergenceMax)
                    - (shareMin == 1 ? 0 : (candidate.flopsShare() - shareMin) / (1 - shareMin));
            if (below > farthest) {
                farthest = below;
                knee = candidate;
            }
        }
        return knee;
    }

    /**
     * One or two steps: every single one, and every two at rising layers with a falling budget. The change of two is predicted as the
     * sum of both: what the first has dropped counts twice, so it is rather too high.
     *
     * @param singles schedules of one step
     * @param flops   share of dense prefill's FLOPs
     */
    static List<Candidate> compose(List<Candidate> singles, ToDoubleFunction<List<PruneStep>> flops) {
        List<Candidate> composed = new ArrayList<>(singles);
        for (Candidate first : singles) {
            for (Candidate second : singles) {
                PruneStep a = first.steps.get(0);
                PruneStep b = second.steps.get(0);
                // Of one long prompt, to compare shares.
                if (a.layer() < b.layer()
                        && a.budget().tokens(1 << 20) > b.budget().tokens(1 << 20)) {
                    List<PruneStep> steps = List.of(a, b);
                    composed.add(new Candidate(
                            steps,
                            flops.applyAsDouble(steps),
                            new Change(first.divergence() + second.divergence(), 0)));
                }
            }
        }
        return composed;
    }
}
