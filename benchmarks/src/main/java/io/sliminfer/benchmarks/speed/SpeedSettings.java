package io.sliminfer.benchmarks.speed;

import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.models.ModelChoice;
import io.sliminfer.format.DType;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One run of the {@code speed} command, checked.
 *
 * @param prompts      prompt lengths in tokens, ascending
 * @param warmUps      rounds that are run and not counted
 * @param tokens       tokens to generate after each prompt
 * @param backend      name of the backend, or null for the best
 * @param compute      dtype of activations, or null to choose
 * @param weights      forms of weights, an engine for each
 * @param threads      threads of engine and baselines, or 0 for all cores
 * @param schedule     of pruned prompts, or null for the engine's default
 * @param seed         of the prompts
 * @param llamaGguf    model for llama.cpp, or null to write one of the same shape
 * @param jlamaClasspath Jlama's jars, or null where it is no baseline
 * @param jlamaJava    java program that runs Jlama, or null for the one that runs this
 * @param peerTimeout  after which a process of a peer is ended
 * @param cache        folder of generated models
 * @param weightCache  folder of packed weights for rows of their own in a cold run, or null for none
 */
record SpeedSettings(
        ModelChoice model,
        List<Integer> prompts,
        List<Mode> modes,
        int rounds,
        int warmUps,
        int tokens,
        @Nullable String backend,
        @Nullable DType compute,
        List<WeightPrecision> weights,
        int threads,
        @Nullable PruneSchedule schedule,
        Set<Baseline> baselines,
        long seed,
        @Nullable Path llamaGguf,
        @Nullable String jlamaClasspath,
        @Nullable Path jlamaJava,
        Duration peerTimeout,
        Path cache,
        @Nullable Path weightCache) {

    /** In results: the mode, and the form of weights where there are several. */
    String label(Mode mode, WeightPrecision form) {
        return weights.size() == 1 ? mode.label() : mode.label() + " " + form;
    }

    int promptMax() {
        return prompts.get(prompts.size() - 1);
    }

    /** Threads as a number: what 0 stands for, too. */
    int threadCount() {
        return threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
    }
}
