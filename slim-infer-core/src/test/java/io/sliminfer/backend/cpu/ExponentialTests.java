package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class ExponentialTests {

    private final Exponential exponential = new Exponential();

    @Test
    void isWithinTwoTenMillionthsOfTheTrueValue() {
        Random random = new Random(5);
        float[] x = new float[100_003];
        for (int i = 0; i < x.length; i++) {
            x[i] = i < 50_000 ? Exponential.MIN + 175 * random.nextFloat() : 2 * random.nextFloat() - 1;
        }
        float[] y = x.clone();
        exponential.apply(y, 0, y.length);
        double worst = 0;
        for (int i = 0; i < x.length; i++) {
            double exact = Math.exp(x[i]);
            worst = Math.max(worst, Math.abs(y[i] - exact) / exact);
        }
        assertThat(worst).isLessThan(2e-7);
    }

    @Test
    void zeroGivesExactlyOne() {
        assertThat(expOf(0)).isEqualTo(1);
        assertThat(expOf(-0f)).isEqualTo(1);
    }

    @Test
    void staysFiniteOutsideItsRange() {
        assertThat(expOf(Float.NEGATIVE_INFINITY)).isBetween(0f, 2e-38f);
        assertThat(expOf(-1e30f)).isBetween(0f, 2e-38f);
        assertThat(expOf(1e30f)).isBetween(1e38f, Float.MAX_VALUE);
        assertThat(expOf(Float.NaN)).isNaN();
    }

    @Test
    void touchesOnlyTheGivenElements() {
        float[] x = new float[700];
        exponential.apply(x, 30, 600);
        for (int i = 0; i < x.length; i++) {
            assertThat(x[i]).isEqualTo(i >= 30 && i < 630 ? 1f : 0f);
        }
    }

    private float expOf(float x) {
        float[] values = {x};
        exponential.apply(values, 0, 1);
        return values[0];
    }
}
