package io.sliminfer.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PairedDifferenceTests {

    @Test
    void agreesWithTheNormalIntervalWhereThatHolds() {
        // Of 400 pairs 40 lose and 20 gain: mean -0.05, standard error sqrt((60/400 - 0.05^2) / 400) = 0.019203.
        double[] differences = new double[400];
        Arrays.fill(differences, 0, 40, -1);
        Arrays.fill(differences, 40, 60, 1);

        PairedDifference difference = PairedDifference.of(differences);

        assertThat(difference.mean()).isEqualTo(-0.05, within(1e-12));
        assertThat(difference.low()).isEqualTo(-0.05 - 1.96 * 0.019203, within(0.005));
        assertThat(difference.high()).isEqualTo(-0.05 + 1.96 * 0.019203, within(0.005));
        assertThat(difference.count()).isEqualTo(400);
    }

    @Test
    void takesPartialCredit() {
        PairedDifference difference = PairedDifference.of(new double[] {-0.5, 0, 0.25, 0});

        assertThat(difference.mean()).isEqualTo(-0.0625);
        assertThat(difference.low()).isBetween(-0.5, -0.0625);
        assertThat(difference.high()).isBetween(-0.0625, 0.25);
    }

    @Test
    void isNotCertainWhenNothingDiffered() {
        // 0 of 30: the share that could have gone unseen is 1 - 0.025^(1/30) = 0.1157 (Clopper-Pearson).
        PairedDifference difference = PairedDifference.of(new double[30]);

        assertThat(difference.mean()).isZero();
        assertThat(difference.low()).isEqualTo(-0.1157, within(1e-4));
        assertThat(difference.high()).isEqualTo(0.1157, within(1e-4));
    }

    @Test
    void staysWithinThePossible() {
        PairedDifference difference = PairedDifference.of(new double[] {-1, -1});

        assertThat(difference.low()).isEqualTo(-1);
        assertThat(difference.high()).isGreaterThan(-1);
    }

    @Test
    void isTheSameEachTime() {
        double[] differences = {-1, 0, 0, 1, 0, -0.5, 0, 0};

        assertThat(PairedDifference.of(differences)).isEqualTo(PairedDifference.of(differences));
    }

    @Test
    void refusesNothing() {
        assertThatIllegalArgumentException().isThrownBy(() -> PairedDifference.of(new double[0]));
    }
}
