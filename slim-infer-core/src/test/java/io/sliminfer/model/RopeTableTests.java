package io.sliminfer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sliminfer.format.RopeConfig;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The table against formulas of the papers in double, written from wave lengths and numbers of turns. */
class RopeTableTests {

    private static final int HEAD_DIM = 64;
    private static final double THETA = 500_000;
    private static final int[] POSITIONS = {0, 1, 2, 63, 64, 1000, 8191, 16_000, 131_071};

    /** Turns per position of pair {@code i} times 2 pi, without scaling. */
    private static double frequency(int i) {
        return Math.pow(THETA, -2.0 * i / HEAD_DIM);
    }

    private static void assertTable(RopeConfig.Scaling scaling, IntToDoubleFunction frequency, double factor) {
        RopeTable table = new RopeTable(new RopeConfig(THETA, scaling), HEAD_DIM);
        assertThat(table.columns()).isEqualTo(HEAD_DIM);
        for (int position : POSITIONS) {
            float[] row = new float[HEAD_DIM + 2];
            table.fill(row, 1, position);
            assertThat(row[0]).as("before the row").isZero();
            assertThat(row[HEAD_DIM + 1]).as("after the row").isZero();
            for (int i = 0; i < HEAD_DIM / 2; i++) {
                double angle = position * frequency.applyAsDouble(i);
                // A float32 frequency and product are off by 2^-24 each; frequencies come from a handful of such steps.
                double tolerance = 2e-7 + angle * 4e-7;
                String where = scaling + ", position " + position + ", pair " + i;
                assertThat((double) row[1 + i])
                        .as("cos: %s", where)
                        .isCloseTo(Math.cos(angle) * factor, within(tolerance));
                assertThat((double) row[1 + HEAD_DIM / 2 + i])
                        .as("sin: %s", where)
                        .isCloseTo(Math.sin(angle) * factor, within(tolerance));
            }
        }
    }

    @Test
    void turnsPairsByPosition() {
        assertTable(new RopeConfig.None(), RopeTableTests::frequency, 1);
    }

    @Test
    void linearScalingDividesPositions() {
        assertTable(new RopeConfig.Linear(4), i -> frequency(i) / 4, 1);
        assertTable(new RopeConfig.Linear(1), RopeTableTests::frequency, 1);
    }

    @Test
    void llama3StretchesLongWavesAndKeepsShortOnes() {
        double factor = 8;
        double low = 1;
        double high = 4;
        int original = 8192;
        int[] kinds = new int[3];
        IntToDoubleFunction frequency = i -> {
            double turns = original * frequency(i) / (2 * Math.PI);
            if (turns < low) {
                kinds[0]++;
                return frequency(i) / factor;
            }
            if (turns > high) {
                kinds[1]++;
                return frequency(i);
            }
            kinds[2]++;
            double kept = (turns - low) / (high - low);
            return frequency(i) * (kept + (1 - kept) / factor);
        };
        assertTable(new RopeConfig.Llama3(factor, low, high, original), frequency, 1);
        assertThat(kinds).as("stretched, kept, blended").doesNotContain(0);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void yarnBlendsFromKeptToStretched(boolean truncate) {
        double factor = 4;
        double attentionFactor = 0.1 * Math.log(4) + 1;
        int original = 32_768;
        double from = pairThatTurns(32, original);
        double to = pairThatTurns(1, original);
        double first = truncate ? Math.floor(from) : from;
        double last = truncate ? Math.ceil(to) : to;
        assertThat(first).isPositive();
        assertThat(last).isBetween(first + 1, HEAD_DIM / 2.0);
        IntToDoubleFunction frequency = i -> {
            double stretched = Math.min(1, Math.max(0, (i - first) / (last - first)));
            return frequency(i) * ((1 - stretched) + stretched / factor);
        };
        assertTable(
                new RopeConfig.Yarn(factor, attentionFactor, 32, 1, original, truncate), frequency, attentionFactor);
    }

    @Test
    void yarnWithARampOfNoWidthIsAStep() {
        // Both turn counts fall on the same pair when they are equal.
        double pair = pairThatTurns(8, 4096);
        IntToDoubleFunction frequency = i -> i < pair ? frequency(i) : frequency(i) / 2;
        assertTable(new RopeConfig.Yarn(2, 1, 8, 8, 4096, false), frequency, 1);
    }

    /** The pair, as a real number, that turns this often over a context: found by halving. */
    private static double pairThatTurns(double turns, int positions) {
        double from = 0;
        double to = HEAD_DIM;
        for (int step = 0; step < 200; step++) {
            double middle = (from + to) / 2;
            double found = positions * Math.pow(THETA, -2 * middle / HEAD_DIM) / (2 * Math.PI);
            if (found > turns) {
                from = middle;
            } else {
                to = middle;
            }
        }
        return from;
    }

    @Test
    void positionZeroTurnsNothing() {
        RopeTable table = new RopeTable(new RopeConfig(10_000, new RopeConfig.None()), 4);
        float[] row = new float[4];
        table.fill(row, 0, 0);
        assertThat(row).containsExactly(1, 1, 0, 0);
    }
}
