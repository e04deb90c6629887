package io.sliminfer.benchmarks.quality;

import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PruneStep;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A schedule's budgets made smaller and larger, and masses around them, at the same layers.
 *
 * @param scales  factors of the fixed budgets
 * @param masses  above 0 and at most 1
 * @param floor   floor of the masses, as a factor of the fixed budget
 * @param ceiling ceiling of the masses, likewise
 */
record BudgetVariants(List<Double> scales, List<Double> masses, double floor, double ceiling) {

    BudgetVariants {
        scales.forEach(scale -> requirePositive("--scales", scale));
        masses.forEach(mass -> new Budget.Mass(mass, new Budget.Tokens(1), new Budget.Tokens(1)));
        requirePositive("--range", floor);
        requirePositive("--range", ceiling);
        if (floor > ceiling) {
            throw new IllegalArgumentException("--range " + floor + "-" + ceiling + ": the floor is above the ceiling");
        }
    }

    /** Reads a range such as {@code 0.5-2}. */
    static BudgetVariants of(List<Double> scales, List<Double> masses, String range) {
        String[] parts = range.split("-", -1);
        try {
            if (parts.length != 2) {
                throw new NumberFormatException();
            }
            return new BudgetVariants(scales, masses, Double.parseDouble(parts[0]), Double.parseDouble(parts[1]));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "--range " + range + " is not FLOOR-CEILING, factors of the schedule's budgets such as 0.5-2");
        }
    }

    private static void requirePositive(String option, double factor) {
        if (!(factor > 0 && factor < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(option + " " + factor + " is not allowed: use a factor above 0");
        }
    }

    /**
     * Schedules of fixed budgets, then of masses.
     *
     * @throws IllegalArgumentException if the schedule has no steps, or a budget that is not fixed
     */
    List<PruneVariant> around(List<PruneStep> steps) {
        if (steps.isEmpty() || steps.stream().anyMatch(PruneStep::isAdaptive)) {
            throw new IllegalArgumentException("--vary budgets varies the budgets of the first schedule, which has "
                    + (steps.isEmpty() ? "none" : "masses") + ": put one with fixed budgets first");
        }
        List<PruneVariant> variants = new ArrayList<>();
        for (double scale : scales) {
            variants.add(variant(steps.stream()
                    .map(step -> new PruneStep(step.layer(), scaled(step, scale), step.decode()))
                    .toList()));
        }
        for (double mass : masses) {
            variants.add(variant(steps.stream()
                    .map(step -> new PruneStep(
                            step.layer(),
                            new Budget.Mass(mass, scaled(step, floor), scaled(step, ceiling)),
                            step.decode()))
                    .toList()));
        }
        return variants;
    }

    private static Budget.Fixed scaled(PruneStep step, double factor) {
        if (step.budget() instanceof Budget.Share share) {
            // Four digits: 0.3 * 0.1 is not to be written in seventeen.
            double value = new BigDecimal(share.value() * factor)
                    .round(new MathContext(4))
                    .doubleValue();
            return new Budget.Share(Math.min(1, value));
        }
        // The budget itself is not for a prompt: tokens are the same for all.
        return new Budget.Tokens(
                Math.toIntExact(Math.max(1, Math.round(step.budget().tokens(1) * factor))));
    }

    private static PruneVariant variant(List<PruneStep> steps) {
        return PruneVariant.of(steps.stream().map(PruneStep::toString).collect(Collectors.joining(",")));
    }
}
