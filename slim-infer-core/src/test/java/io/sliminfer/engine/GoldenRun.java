package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.TestBackends;
import io.sliminfer.format.DType;
import io.sliminfer.golden.GoldenCases;
import io.sliminfer.prune.PruneSchedule;
import java.util.Arrays;
import java.util.List;
import java.util.ServiceLoader;

/** Runs a golden model on a backend and compares; for the tests of every module that has a backend. */
public final class GoldenRun {

    /** Largest relative L2 error of logits in float32. */
    private static final double TOLERANCE = 1e-4;

    private GoldenRun() {}

    /** In float32 logits agree closely, ids and kept blocks exactly. */
    public static void assertRepeats(GoldenCases.Model golden, String backend) {
        try (ModelPass pass = ModelPass.open(golden.folder(), backend, DType.F32, 0, golden.prompt().length, 256)) {
            for (int i = 0; i < golden.positions().length; i++) {
                int[] prefix = Arrays.copyOf(golden.prompt(), golden.positions()[i] + 1);
                float[] logits = pass.run(prefix, PruneSchedule.dense(), 1).logits();
                assertThat(relativeError(logits, golden.denseLogits()[i]))
                        .as("dense logits at position %d", golden.positions()[i])
                        .isLessThan(TOLERANCE);
            }
            int[] dense = pass.run(golden.prompt(), PruneSchedule.dense(), golden.denseGreedy().length)
                    .greedy();
            assertThat(dense).as("dense ids").isEqualTo(golden.denseGreedy());
            for (GoldenCases.Pruned expected : golden.pruned()) {
                ModelPass.Result result = pass.run(golden.prompt(), expected.schedule(), expected.greedy().length);
                for (int i = 0; i < expected.kept().size(); i++) {
                    assertThat(result.keptBlocks().get(i + 1))
                            .as(
                                    "%s: blocks kept at layer %d (margin %s)",
                                    expected, expected.kept().get(i).layer(), expected.margin())
                            .containsExactly(
                                    Arrays.stream(expected.kept().get(i).blocks())
                                            .boxed()
                                            .toArray(Integer[]::new));
                }
                assertThat(relativeError(result.logits(), expected.firstLogits()))
                        .as("%s: logits after pruning", expected)
                        .isLessThan(TOLERANCE);
                assertThat(result.greedy())
                        .as("%s: ids after pruning", expected)
                        .isEqualTo(expected.greedy());
            }
        }
    }

    /** Relative L2 error of the dense logits in another compute dtype, all of the reference's positions together. */
    public static double denseError(GoldenCases.Model golden, String backend, DType compute) {
        double difference = 0;
        double size = 0;
        try (ModelPass pass = ModelPass.open(golden.folder(), backend, compute, 0, golden.prompt().length, 256)) {
            for (int i = 0; i < golden.positions().length; i++) {
                int[] prefix = Arrays.copyOf(golden.prompt(), golden.positions()[i] + 1);
                float[] logits = pass.run(prefix, PruneSchedule.dense(), 1).logits();
                float[] expected = golden.denseLogits()[i];
                assertThat(logits).hasSameSizeAs(expected);
                for (int j = 0; j < logits.length; j++) {
                    difference += Math.pow((double) logits[j] - expected[j], 2);
                    size += (double) expected[j] * expected[j];
                }
            }
        }
        return Math.sqrt(difference / size);
    }

    /** Skips a test where a backend is not usable, unless it was asked for by name ({@link TestBackends}). */
    public static void assumeUsable(String backend) {
        List<BackendProvider.Availability> found = ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(provider -> provider.name().equals(backend))
                .map(BackendProvider::availability)
                .toList();
        assertThat(found).as("providers named %s", backend).hasSize(1);
        if (TestBackends.optional(backend)) {
            assumeThat(found.get(0).usable()).as(found.get(0).reason()).isTrue();
        } else {
            assertThat(found.get(0).usable()).as(found.get(0).reason()).isTrue();
        }
    }

    public static double relativeError(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        double difference = 0;
        double size = 0;
        for (int i = 0; i < actual.length; i++) {
            difference += Math.pow((double) actual[i] - expected[i], 2);
            size += (double) expected[i] * expected[i];
        }
        return Math.sqrt(difference / size);
    }
}
