package io.sliminfer.benchmarks.grammar;

import io.sliminfer.engine.Sampler;
import io.sliminfer.engine.Sampling;
import io.sliminfer.grammar.TokenConstraint;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** How long the sampler takes for one token's logits, by its options; with a mask, too. */
final class SamplerTimes {

    private static final int WARM_UPS = 3_000;

    private SamplerTimes() {}

    /** Median microseconds by what was sampled how. */
    static Map<String, Double> measure(int vocabulary, int rounds) {
        Map<String, Sampling> options = new LinkedHashMap<>();
        options.put("greedy", Sampling.GREEDY);
        options.put("top-k 40", new Sampling(0.8, 40, 1, 0, 1, 0, 0, 7L));
        options.put("top-k 40, top-p 0.9", new Sampling(0.8, 40, 0.9, 0, 1, 0, 0, 7L));
        options.put("top-p 0.9", new Sampling(0.8, 0, 0.9, 0, 1, 0, 0, 7L));
        options.put("min-p 0.05", new Sampling(0.8, 0, 1, 0.05, 1, 0, 0, 7L));
        options.put("temperature alone", new Sampling(0.8, 0, 1, 0, 1, 0, 0, 7L));
        Map<String, Double> micros = new LinkedHashMap<>();
        options.forEach((name, sampling) -> micros.put(name, median(sampling, vocabulary, null, rounds)));
        micros.put(
                "top-k 40, half of all tokens masked",
                median(options.get("top-k 40"), vocabulary, new EveryOther(vocabulary), rounds));
        return micros;
    }

    private static double median(Sampling sampling, int vocabulary, @Nullable TokenConstraint constraint, int rounds) {
        Random random = new Random(3);
        float[][] logits = new float[8][];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = logits(vocabulary, random);
        }
        Sampler sampler = new Sampler(sampling, new int[] {1}, vocabulary, constraint, Set.of());
        float[] row = new float[vocabulary];
        double[] micros = new double[rounds];
        for (int i = -WARM_UPS; i < rounds; i++) {
            System.arraycopy(logits[Math.floorMod(i, logits.length)], 0, row, 0, vocabulary);
            long start = CpuClock.nanos();
            sampler.next(row);
            if (i >= 0) {
                micros[i] = (CpuClock.nanos() - start) / 1e3;
            }
        }
        return MaskTimes.quantile(micros, 0.5);
    }

    /** As a model's: nearly all far below a few. */
    private static float[] logits(int vocabulary, Random random) {
        float[] logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
            logits[i] = (float) (random.nextGaussian() * 2.5);
        }
        for (int i = 0; i < 50; i++) {
            logits[random.nextInt(vocabulary)] = (float) (12 + random.nextGaussian() * 3);
        }
        return logits;
    }

    /** Allows even ids. */
    private record EveryOther(int vocabulary) implements TokenConstraint {

        @Override
        public State begin(Set<Integer> stopIds) {
            long[] mask = new long[(vocabulary + 63) / 64];
            java.util.Arrays.fill(mask, 0x5555555555555555L);
            return new State() {
                @Override
                public boolean allows(int token) {
                    return token % 2 == 0;
                }

                @Override
                public long[] allowed() {
                    return mask;
                }

                @Override
                public void accept(int token) {
                    if (!allows(token)) {
                        throw new IllegalStateException("token " + token + " is not allowed here");
                    }
                }

                @Override
                public boolean isComplete() {
                    return false;
                }

                @Override
                public boolean isFinished() {
                    return false;
                }
            };
        }
    }
}
