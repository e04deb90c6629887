package io.sliminfer.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sliminfer.benchmarks.quality.score.Metric;
import io.sliminfer.prune.PruneSchedule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BudgetComparisonTests {

    private static final PruneVariant HALF = PruneVariant.of("4:0.5");
    private static final PruneVariant QUARTER = PruneVariant.of("4:0.25");
    private static final PruneVariant MASS = PruneVariant.of("4:p0.9:0.1-0.5");

    private final List<PairedResult> results = new ArrayList<>();

    /** One result for each pair of a share not computed and a score; dense is always right. */
    private void add(PruneVariant variant, double[]... sharesAndScores) {
        for (int i = 0; i < sharesAndScores.length; i++) {
            EvalCase asked = new EvalCase(
                    "case-" + i,
                    "city",
                    64,
                    List.of(Turn.user("Which city?")),
                    List.of("Oslo"),
                    Metric.CONTAINS,
                    List.of(),
                    8,
                    false,
                    Map.of());
            double[] pair = sharesAndScores[i];
            results.add(new PairedResult(
                    asked,
                    variant,
                    new Outcome("Oslo", 1, 100, 1, 10, 0, List.of()),
                    new Outcome("?", pair[1], 100, 1, 5, pair[0], List.of(1 - pair[0]))));
        }
    }

    private List<BudgetComparison> compare() {
        return BudgetComparison.of(results, PruneSchedule.dense());
    }

    @Test
    void anAdaptiveScheduleStandsBesideTheFixedOnesOfItsCost() {
        add(HALF, new double[] {0.4, 1}, new double[] {0.4, 0.5});
        add(MASS, new double[] {0.3, 0}, new double[] {0.6, 1});
        add(QUARTER, new double[] {0.6, 0}, new double[] {0.6, 0.5});

        BudgetComparison comparison = compare().get(0);

        assertThat(compare()).hasSize(1);
        assertThat(comparison.variant()).isEqualTo("4:p0.9:0.1-0.5");
        assertThat(comparison.cost().mean()).isEqualTo(0.45, within(1e-12));
        assertThat(comparison.score()).isEqualTo(0.5);
        // A quarter of the way from 0.4 to 0.6: 0.75 * (1, 0.5) + 0.25 * (0, 0.5).
        assertThat(comparison.fixedScore()).isEqualTo((0.75 + 0.5) / 2, within(1e-12));
        assertThat(comparison.difference()).isNotNull();
        assertThat(comparison.difference().mean()).isEqualTo((-0.75 + 0.5) / 2, within(1e-12));
        assertThat(BudgetComparison.table(compare())).contains("45 % (30-60)", "0.500", "0.625", "-0.125 [");
        assertThat(comparison.toMap()).containsEntry("fixedScore", 0.625);
    }

    @Test
    void denseBeginsTheCurve() {
        add(MASS, new double[] {0.2, 1}, new double[] {0.2, 1});
        add(HALF, new double[] {0.4, 0}, new double[] {0.4, 0});

        assertThat(compare().get(0).fixedScore()).isEqualTo(0.5, within(1e-12));
    }

    @Test
    void nothingIsSaidBeyondTheCurve() {
        add(MASS, new double[] {0.7, 1}, new double[] {0.5, 1});
        add(HALF, new double[] {0.4, 0}, new double[] {0.4, 0});

        assertThat(compare().get(0).difference()).isNull();
        assertThat(BudgetComparison.table(compare())).contains("none so cheap");
        assertThat(compare().get(0).toMap()).doesNotContainKey("difference");
    }

    @Test
    void otherSizesAreAnotherCurve() {
        add(MASS, new double[] {0.4, 1}, new double[] {0.4, 1});
        add(new PruneVariant("4:0.5", 32, null, null, null, null), new double[] {0.4, 0}, new double[] {0.4, 0});

        assertThat(compare().get(0).difference()).isNull();
    }

    @Test
    void otherLayersAreAnotherCurve() {
        add(HALF, new double[] {0.4, 1}, new double[] {0.4, 1});
        add(MASS, new double[] {0.5, 1}, new double[] {0.5, 1});
        add(PruneVariant.of("3:0.5"), new double[] {0.5, 0}, new double[] {0.5, 0});
        add(PruneVariant.of("4:0.5,8:0.25"), new double[] {0.55, 0}, new double[] {0.55, 0});
        add(QUARTER, new double[] {0.6, 1}, new double[] {0.6, 1});

        assertThat(compare().get(0).fixedScore()).isEqualTo(1, within(1e-12));
    }

    @Test
    void theEnginesOwnScheduleMayBeAdaptive() {
        add(PruneVariant.of(PruneVariant.OWN), new double[] {0.4, 1});
        add(HALF, new double[] {0.5, 0});

        assertThat(compare()).as("the engine's is fixed").isEmpty();
        PruneSchedule own = PruneSchedule.dense().withSteps(PruneSchedule.parseSteps("4:p0.9:0.1-0.5"));
        assertThat(BudgetComparison.of(results, own)).hasSize(1);
    }
}
