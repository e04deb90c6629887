package io.sliminfer.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.prune.PruneSchedule;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BudgetVariantsTests {

    private static List<String> around(BudgetVariants variants, String steps) {
        return variants.around(PruneSchedule.parseSteps(steps)).stream()
                .map(PruneVariant::label)
                .toList();
    }

    @Test
    void budgetsAreScaledAndReplacedByMasses() {
        BudgetVariants variants = BudgetVariants.of(List.of(0.5, 1.0, 4.0), List.of(0.9, 1.0), "0.1-2");
        assertThat(around(variants, "4:0.3,8:100/64"))
                .containsExactly(
                        "4:0.15,8:50/64",
                        "4:0.3,8:100/64",
                        "4:1.0,8:400/64",
                        "4:p0.9:0.03-0.6,8:p0.9:10-200/64",
                        "4:p1.0:0.03-0.6,8:p1.0:10-200/64");
        assertThat(around(variants, "4:3")).contains("4:2", "4:p0.9:1-6");
    }

    @Test
    void thereMustBeFixedBudgetsToVary() {
        BudgetVariants variants = BudgetVariants.of(List.of(1.0), List.of(0.9), "0.5-2");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> around(variants, "4:0.5,8:p0.9:0.1-0.2"))
                .withMessageContaining("which has masses: put one with fixed budgets first");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> around(variants, ""))
                .withMessageContaining("which has none");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.5", "2-0.5", "0-2", "0.5-2-3", "x-y", "0.5-Infinity"})
    void anUnusableRangeIsRefused(String range) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BudgetVariants.of(List.of(1.0), List.of(0.9), range))
                .withMessageStartingWith("--range");
    }

    @Test
    void factorsAndMassesHaveRanges() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BudgetVariants.of(List.of(-1.0), List.of(), "0.5-2"))
                .withMessage("--scales -1.0 is not allowed: use a factor above 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BudgetVariants.of(List.of(), List.of(1.5), "0.5-2"))
                .withMessageContaining("a pruning mass of 1.5");
    }
}
