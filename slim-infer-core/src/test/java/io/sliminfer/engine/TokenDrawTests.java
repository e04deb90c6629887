package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The draw against one that sorts all tokens and takes their exponentials exactly. */
@Tag("once") // arithmetic, which a JDK does not change
class TokenDrawTests {

    private static final int VOCABULARY = 3_000;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void drawsWhatSortingAllTokensDraws(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 200; round++) {
            Sampling sampling = new Sampling(
                    0.1 + random.nextDouble() * (random.nextInt(4) == 0 ? 50 : 2),
                    random.nextBoolean() ? 0 : 1 + random.nextInt(random.nextBoolean() ? 60 : 2 * VOCABULARY),
                    random.nextBoolean() ? 1 : 0.05 + 0.95 * random.nextDouble(),
                    random.nextBoolean() ? 0 : random.nextDouble() * random.nextDouble(),
                    1,
                    0,
                    0,
                    null);
            float[] logits = logits(random);
            long draw = random.nextLong();
            assertThat(TokenDraw.draw(logits, best(logits), sampling, new SplittableRandom(draw)))
                    .as("seed %d, round %d: %s", seed, round, sampling)
                    .isEqualTo(sorted(logits, sampling, new SplittableRandom(draw)));
        }
    }

    private static int best(float[] logits) {
        return IntStream.range(0, logits.length)
                .reduce((a, b) -> logits[b] > logits[a] ? b : a)
                .orElseThrow();
    }

    /** Peaked, flat, with ties, with masked tokens. */
    private static float[] logits(SplittableRandom random) {
        float[] logits = new float[1 + random.nextInt(VOCABULARY)];
        double spread = new double[] {0, 0.01, 1, 3, 30}[random.nextInt(5)];
        boolean ties = random.nextBoolean();
        double masked = random.nextBoolean() ? 0 : random.nextDouble();
        for (int i = 0; i < logits.length; i++) {
            double logit = spread * (random.nextDouble() + random.nextDouble() - random.nextDouble()) * 3;
            logits[i] = (float) (ties ? Math.round(logit) : logit);
            if (random.nextDouble() < masked) {
                logits[i] = Float.NEGATIVE_INFINITY;
            }
        }
        logits[random.nextInt(logits.length)] = (float) spread;
        return logits;
    }

    private static int sorted(float[] logits, Sampling sampling, SplittableRandom random) {
        double max = IntStream.range(0, logits.length)
                .mapToDouble(i -> logits[i])
                .max()
                .orElseThrow();
        int[] ids = IntStream.range(0, logits.length)
                .filter(i -> logits[i] >= max - 80 * sampling.temperature())
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(i -> -logits[i]).thenComparing(i -> i))
                .mapToInt(i -> i)
                .toArray();
        if (sampling.topK() > 0) {
            ids = Arrays.copyOf(ids, Math.min(ids.length, sampling.topK()));
        }
        double[] weights = Arrays.stream(ids)
                .mapToDouble(id -> Math.exp((logits[id] - max) / sampling.temperature()))
                .toArray();
        double sum = Arrays.stream(weights).sum();
        int count = 0;
        double total = 0;
        while (count < ids.length
                && (total < sampling.topP() * sum || sampling.topP() == 1)
                && weights[count] >= sampling.minP()) {
            total += weights[count++];
        }
        double point = random.nextDouble() * total;
        for (int i = 0; i < count; i++) {
            point -= weights[i];
            if (point < 0) {
                return ids[i];
            }
        }
        return ids[count - 1];
    }

    @Test
    void theFastExponentialHasTenDigits() {
        assertThat(FastExp.of(0)).isEqualTo(1);
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 100_000; i++) {
            double x = -80 * random.nextDouble();
            assertThat(FastExp.of(x) / Math.exp(x)).as("x=%s", x).isCloseTo(1, within(1e-10));
        }
    }
}
