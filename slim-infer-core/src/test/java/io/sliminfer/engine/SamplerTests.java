package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTests {

    private static Sampling sampling(double temperature, int topK, double topP, double minP, long seed) {
        return new Sampling(temperature, topK, topP, minP, 1, 0, 0, seed);
    }

    private static Sampler sampler(Sampling sampling, int vocabulary, int... prompt) {
        return new Sampler(sampling, prompt, vocabulary);
    }

    @Test
    void greedyTakesTheLowestOfEqualBestIds() {
        assertThat(sampler(Sampling.GREEDY, 4).next(new float[] {1, 3, 3, -2})).isEqualTo(1);
    }

    @Test
    void theSameSeedDrawsTheSameTokens() {
        float[] logits = randomLogits(100, 5);
        Sampler one = sampler(sampling(1, 0, 1, 0, 42), 100);
        Sampler two = sampler(sampling(1, 0, 1, 0, 42), 100);
        for (int i = 0; i < 200; i++) {
            assertThat(one.next(logits.clone())).isEqualTo(two.next(logits.clone()));
        }
    }

    @Test
    void drawsFollowTheProbabilities() {
        float[] logits = {(float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.2)};
        Sampler sampler = sampler(sampling(1, 0, 1, 0, 1), 3);
        int[] counts = new int[3];
        for (int i = 0; i < 20_000; i++) {
            counts[sampler.next(logits.clone())]++;
        }
        assertThat(counts[0] / 20_000.0).isCloseTo(0.5, within(0.02));
        assertThat(counts[1] / 20_000.0).isCloseTo(0.3, within(0.02));
    }

    @Test
    void temperatureSharpensBelowOneAndFlattensAbove() {
        float[] logits = {1, 0};
        assertThat(shareOfFirst(logits, 0.25)).isCloseTo(1 / (1 + Math.exp(-4)), within(0.02));
        assertThat(shareOfFirst(logits, 4)).isCloseTo(1 / (1 + Math.exp(-0.25)), within(0.02));
    }

    private static double shareOfFirst(float[] logits, double temperature) {
        Sampler sampler = sampler(sampling(temperature, 0, 1, 0, 3), logits.length);
        int first = 0;
        for (int i = 0; i < 20_000; i++) {
            first += sampler.next(logits.clone()) == 0 ? 1 : 0;
        }
        return first / 20_000.0;
    }

    @Test
    void topKLeavesTheKBest() {
        assertThat(drawn(sampling(5, 2, 1, 0, 9), new float[] {1, 4, 3, 2})).containsExactlyInAnyOrder(1, 2);
    }

    @Test
    void topPLeavesTheSmallestSetThatReachesTheMass() {
        float[] logits = {(float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.2)};
        assertThat(drawn(sampling(1, 0, 0.5, 0, 9), logits)).containsExactly(0);
        assertThat(drawn(sampling(1, 0, 0.51, 0, 9), logits)).containsExactlyInAnyOrder(0, 1);
    }

    @Test
    void minPDropsWhatIsFarLessLikelyThanTheBest() {
        float[] logits = {(float) Math.log(0.6), (float) Math.log(0.31), (float) Math.log(0.09)};
        assertThat(drawn(sampling(1, 0, 1, 0.5, 9), logits)).containsExactlyInAnyOrder(0, 1);
    }

    private static Set<Integer> drawn(Sampling sampling, float[] logits) {
        Sampler sampler = sampler(sampling, logits.length);
        Set<Integer> ids = new HashSet<>();
        for (int i = 0; i < 500; i++) {
            ids.add(sampler.next(logits.clone()));
        }
        return ids;
    }

    @Test
    void repetitionPenaltyCountsPromptAndAnswer() {
        Sampler sampler = sampler(new Sampling(0, 0, 1, 0, 2, 0, 0, null), 3, 0);
        assertThat(sampler.next(new float[] {3, 2, 1})).isEqualTo(1);
        assertThat(sampler.next(new float[] {3, 2.5f, 2})).isEqualTo(2);
        assertThat(sampler.next(new float[] {-1, -1.5f, -1.2f})).isEqualTo(0);
    }

    @Test
    void frequencyPenaltyGrowsWithEachUseAndIgnoresThePrompt() {
        Sampler sampler = sampler(new Sampling(0, 0, 1, 0, 1, 1, 0, null), 2, 0, 0, 0);
        assertThat(sampler.next(new float[] {2.5f, 1})).isEqualTo(0);
        assertThat(sampler.next(new float[] {2.5f, 1})).isEqualTo(0);
        assertThat(sampler.next(new float[] {2.5f, 1})).isEqualTo(1);
    }

    @Test
    void presencePenaltyCountsOnce() {
        Sampler sampler = sampler(new Sampling(0, 0, 1, 0, 1, 0, 1, null), 2);
        for (int i = 0; i < 3; i++) {
            assertThat(sampler.next(new float[] {2.5f, 1})).isEqualTo(0);
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
    void aLogitThatIsNoNumberIsAnError(float bad) {
        assertThatThrownBy(() -> sampler(Sampling.GREEDY, 3).next(new float[] {1, bad, 0}))
                .isInstanceOfSatisfying(
                        EngineException.class, e -> assertThat(e.kind()).isEqualTo(EngineException.Kind.INVALID_LOGITS))
                .hasMessageContaining("token 1 is " + bad)
                .hasMessageContaining("slim-infer.compute-type");
    }

    @Test
    void maskedTokensAreNeverDrawn() {
        float[] logits = {Float.NEGATIVE_INFINITY, 0, Float.NEGATIVE_INFINITY};
        assertThat(drawn(sampling(50, 0, 1, 0, 2), logits)).containsExactly(1);
        assertThatThrownBy(() -> sampler(Sampling.GREEDY, 1).next(new float[] {Float.NEGATIVE_INFINITY}))
                .hasMessageContaining("no token can be chosen");
    }

    @Test
    void largeVocabulariesSortById() {
        float[] logits = randomLogits(50_000, 11);
        Sampler one = sampler(sampling(0.7, 40, 0.9, 0.05, 8), 50_000);
        int drawn = one.next(logits.clone());
        float[] sorted = logits.clone();
        java.util.Arrays.sort(sorted);
        assertThat(logits[drawn]).isGreaterThanOrEqualTo(sorted[sorted.length - 40]);
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, Double.NaN, Double.POSITIVE_INFINITY})
    void refusesATemperatureThatIsNone(double temperature) {
        assertThatThrownBy(() -> sampling(temperature, 0, 1, 0, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("temperature=" + temperature + " is not allowed: use 0 (greedy) to 100");
    }

    @Test
    void refusesOtherOptionsOutOfRange() {
        assertThatThrownBy(() -> sampling(1, -1, 1, 0, 1)).hasMessageStartingWith("top-k=-1");
        assertThatThrownBy(() -> sampling(1, 0, 0, 0, 1)).hasMessageStartingWith("top-p=0.0");
        assertThatThrownBy(() -> sampling(1, 0, Double.NaN, 0, 1)).hasMessageStartingWith("top-p=NaN");
        assertThatThrownBy(() -> sampling(1, 0, 1, 1.5, 1)).hasMessageStartingWith("min-p=1.5");
        assertThatThrownBy(() -> new Sampling(1, 0, 1, 0, 0, 0, 0, 1L))
                .hasMessageStartingWith("repetition-penalty=0.0");
        assertThatThrownBy(() -> new Sampling(1, 0, 1, 0, 1, Double.NaN, 0, 1L))
                .hasMessageStartingWith("frequency-penalty=NaN");
        assertThatThrownBy(() -> new Sampling(1, 0, 1, 0, 1, 0, Double.NEGATIVE_INFINITY, 1L))
                .hasMessageStartingWith("presence-penalty=-Infinity");
    }

    private static float[] randomLogits(int count, long seed) {
        Random random = new Random(seed);
        float[] logits = new float[count];
        for (int i = 0; i < count; i++) {
            logits[i] = (float) random.nextGaussian() * 3;
        }
        return logits;
    }
}
