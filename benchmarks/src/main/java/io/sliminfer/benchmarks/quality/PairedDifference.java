package io.sliminfer.benchmarks.quality;

import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Mean of paired differences with a 95 % interval.
 *
 * <p>The interval is the percentile interval of a paired bootstrap: cases are drawn again with replacement, each with both of its
 * scores. It takes partial credit as well as right and wrong, which McNemar's test would not. Where all differences are the same a
 * bootstrap shows no width at all; scores lie in 0 to 1, so then the interval is widened by the share of other cases that could have
 * gone unseen (Clopper-Pearson with 0 of n: {@code 1 - 0.025^(1/n)}).
 *
 * @param low  2.5 %
 * @param high 97.5 %
 */
public record PairedDifference(double mean, double low, double high, int count) {

    static final int RESAMPLES = 10_000;
    private static final long SEED = 20_250_806;

    /**
     * @param differences one for each case; at least one
     */
    public static PairedDifference of(double[] differences) {
        int n = differences.length;
        if (n == 0) {
            throw new IllegalArgumentException("no cases to compare");
        }
        double mean = mean(differences);
        if (Arrays.stream(differences).allMatch(difference -> difference == differences[0])) {
            double unseen = 1 - Math.pow(0.025, 1.0 / n);
            return new PairedDifference(mean, Math.max(-1, mean - unseen), Math.min(1, mean + unseen), n);
        }
        SplittableRandom random = new SplittableRandom(SEED);
        double[] means = new double[RESAMPLES];
        for (int r = 0; r < RESAMPLES; r++) {
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += differences[random.nextInt(n)];
            }
            means[r] = sum / n;
        }
        Arrays.sort(means);
        return new PairedDifference(mean, quantile(means, 0.025), quantile(means, 0.975), n);
    }

    private static double mean(double[] values) {
        return Arrays.stream(values).average().orElseThrow();
    }

    /** Between the two nearest values, linearly. */
    private static double quantile(double[] sorted, double share) {
        double place = share * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }

    /** Such as {@code -0.021 [-0.083, +0.042]}. */
    public String text() {
        return String.format(Locale.ROOT, "%+.3f [%+.3f, %+.3f]", mean, low, high);
    }
}
