package io.sliminfer.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MassCountTests {

    @Test
    void countsLikeTheDefinitionForEveryMixOfScores() {
        long seed = 12;
        Random random = new Random(seed);
        for (int round = 0; round < 20_000; round++) {
            float[] scores = new float[1 + random.nextInt(40)];
            // Few values make ties; a power makes some scores carry nearly everything.
            int values = random.nextBoolean() ? 4 : 1 << 20;
            double power = 1 + random.nextInt(12);
            for (int i = 0; i < scores.length; i++) {
                scores[i] = (float) Math.pow(random.nextInt(values) / (double) values, power);
            }
            int max = 1 + random.nextInt(scores.length);
            MassCount mass = new MassCount(0.001 + 0.998 * random.nextDouble(), random.nextInt(max), max);
            assertThat(mass.of(scores))
                    .as("seed %d, round %d: %s", seed, round, mass)
                    .isEqualTo(byDefinition(mass, scores));
        }
    }

    /** docs/algorithm.md, Mass budgets, word by word: takes one candidate after the other. */
    private static int byDefinition(MassCount mass, float[] scores) {
        List<Double> falling = new ArrayList<>();
        for (float score : scores) {
            falling.add((double) score);
        }
        falling.sort(Comparator.reverseOrder());
        double total = falling.stream().reduce(0.0, Double::sum);
        int fewest = 0;
        while (falling.subList(0, fewest).stream().reduce(0.0, Double::sum) < mass.mass() * total) {
            fewest++;
        }
        int atLeastTheFloor = Math.max(fewest, mass.min());
        return Math.min(atLeastTheFloor, mass.max());
    }

    @Test
    void theFewestThatHoldTheMassAreTaken() {
        float[] scores = {1, 5, 0, 2, 2};
        assertThat(new MassCount(0.49, 0, 5).of(scores)).isEqualTo(1);
        assertThat(new MassCount(0.5, 0, 5).of(scores)).as("exactly the mass").isEqualTo(1);
        assertThat(new MassCount(0.51, 0, 5).of(scores)).isEqualTo(2);
        assertThat(new MassCount(0.9, 0, 5).of(scores)).isEqualTo(3);
        assertThat(new MassCount(0.999, 0, 5).of(scores))
                .as("not the one without score")
                .isEqualTo(4);
    }

    @Test
    void floorAndCeilingLimitTheCount() {
        float[] scores = {1, 5, 0, 2, 2};
        assertThat(new MassCount(0.1, 3, 5).of(scores)).isEqualTo(3);
        assertThat(new MassCount(0.99, 0, 2).of(scores)).isEqualTo(2);
    }

    @Test
    void scoresOfNothingKeepTheFloor() {
        assertThat(new MassCount(0.9, 2, 4).of(new float[5])).isEqualTo(2);
        assertThat(new MassCount(0.9, 0, 4).of(new float[5])).isZero();
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
    void scoresThatAreNoNumbersKeepTheCeiling(float score) {
        assertThat(new MassCount(0.1, 0, 3).of(new float[] {1, score, 1, 1})).isEqualTo(3);
    }

    @Test
    void theScoresStayAsTheyAre() {
        float[] scores = {1, 5, 0};
        new MassCount(0.5, 0, 3).of(scores);
        assertThat(scores).containsExactly(1, 5, 0);
    }

    @Test
    void whatLeavesNoChoiceIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> new MassCount(1, 0, 3));
        assertThatIllegalArgumentException().isThrownBy(() -> new MassCount(0, 0, 3));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MassCount(0.5, 3, 3))
                .withMessage("a mass of 0.5 over 3 to 3 candidates leaves nothing to count");
    }
}
