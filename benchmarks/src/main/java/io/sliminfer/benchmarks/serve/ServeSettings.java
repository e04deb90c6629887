package io.sliminfer.benchmarks.serve;

import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.models.ModelChoice;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.format.DType;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One run of the {@code serve} command, checked.
 *
 * @param callers      numbers of callers that take turns
 * @param rounds       how often each has its turn
 * @param time         how long a turn takes
 * @param warmUp       how long the most callers run before, uncounted
 * @param promptTokens length of all prompts
 * @param prompts      different prompts
 * @param tokens       tokens of each answer
 * @param temperature  0 for greedy; else each prompt has a seed of its own
 * @param schedule     of all prompts, or null for the engine's default
 * @param reuse        whether the prefix cache is on
 * @param ratioMin     lowest throughput of the last number of callers by that of the first, or 0 for any
 * @param backend      name of the backend, or null for the best
 * @param compute      dtype of activations, or null to choose
 * @param weights      form of weights
 * @param threads      threads of the engine, or 0 for all cores
 * @param cache        folder of generated models
 */
record ServeSettings(
        ModelChoice model,
        List<Integer> callers,
        int rounds,
        Duration time,
        Duration warmUp,
        int promptTokens,
        int prompts,
        int tokens,
        double temperature,
        @Nullable PruneSchedule schedule,
        boolean reuse,
        ServingSettings serving,
        double ratioMin,
        @Nullable String backend,
        @Nullable DType compute,
        WeightPrecision weights,
        int threads,
        long seed,
        Path cache) {

    int callersMax() {
        return callers.stream().mapToInt(Integer::intValue).max().orElse(1);
    }
}
