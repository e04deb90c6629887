package io.sliminfer.benchmarks.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class ChangeTests {

    private static float[] logits(double... probabilities) {
        float[] logits = new float[probabilities.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(probabilities[i]) + 7;
        }
        return logits;
    }

    @Test
    void divergenceIsThatOfTheSoftmax() {
        double expected = 0.5 * Math.log(0.5 / 0.25) + 0.5 * Math.log(0.5 / 0.75);

        assertThat(Change.divergence(logits(0.5, 0.5), logits(0.25, 0.75))).isCloseTo(expected, within(1e-6));
        assertThat(Change.divergence(logits(0.2, 0.8), logits(0.2, 0.8))).isZero();
        assertThat(Change.divergence(logits(1, 0), logits(0.5, 0.5))).isCloseTo(Math.log(2), within(1e-6));
    }

    @Test
    void tokensAreComparedUpToTheFirstThatDiffers() {
        AnswerLogits dense = new AnswerLogits(List.of(logits(0.4, 0.6), logits(0.4, 0.6), logits(0.9, 0.1)), 1);
        AnswerLogits pruned = new AnswerLogits(List.of(logits(0.3, 0.7), logits(0.6, 0.4), logits(0.1, 0.9)), 1);

        Change change = Change.between(dense, pruned);

        assertThat(change.agreement()).isZero();
        assertThat(change.divergence())
                .isCloseTo(
                        Change.divergence(logits(0.4, 0.6), logits(0.3, 0.7))
                                + Change.divergence(logits(0.4, 0.6), logits(0.6, 0.4)),
                        within(1e-9));
    }

    @Test
    void answersOfTheSameTokensAgree() {
        AnswerLogits dense = new AnswerLogits(List.of(logits(0.4, 0.6), logits(0.9, 0.1)), 1);

        assertThat(Change.between(dense, dense)).isEqualTo(new Change(0, 1));
        assertThat(Change.mean(List.of(new Change(1, 1), new Change(2, 0)))).isEqualTo(new Change(1.5, 0.5));
    }
}
