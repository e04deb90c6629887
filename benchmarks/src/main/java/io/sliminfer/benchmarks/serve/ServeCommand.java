package io.sliminfer.benchmarks.serve;

import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.models.ModelCacheOption;
import io.sliminfer.benchmarks.models.ModelChoice;
import io.sliminfer.benchmarks.report.CommandChecks;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.Results;
import io.sliminfer.benchmarks.report.TablesOption;
import io.sliminfer.benchmarks.trial.BackendChoice;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Options of the {@code serve} command. All are checked before a model is written or loaded. Exit code 1 where something is wrong. */
@Command(
        name = ServeRun.BENCHMARK,
        description =
                "Runs concurrent callers in a closed loop: throughput, times, fairness, and whether anything leaks.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        showDefaultValues = true)
public final class ServeCommand implements Callable<Integer> {

    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--model", paramLabel = "DIR|synthetic:NAME", description = "As of speed.")
    private @Nullable String model;

    @Option(
            names = "--callers",
            split = ",",
            paramLabel = "COUNT",
            defaultValue = "1,16",
            description = "Numbers of callers, which take turns.")
    private List<Integer> callers = List.of();

    @Option(names = "--rounds", defaultValue = "3", description = "Turns of each number of callers.")
    private int rounds;

    @Option(
            names = "--seconds",
            defaultValue = "10",
            description = "Time of a turn; what runs at its end is cancelled.")
    private int seconds;

    @Option(names = "--warm-up", defaultValue = "5", description = "Seconds with the most callers that do not count.")
    private int warmUp;

    @Option(names = "--prompt", paramLabel = "TOKENS", defaultValue = "512", description = "Length of all prompts.")
    private int promptTokens;

    @Option(names = "--prompts", paramLabel = "COUNT", defaultValue = "16", description = "Different prompts.")
    private int prompts;

    @Option(names = "--tokens", defaultValue = "128", description = "Tokens of each answer.")
    private int tokens;

    @Option(
            names = "--temperature",
            defaultValue = "0",
            description = "0 takes the likeliest token; else each prompt has a seed of its own.")
    private double temperature;

    @Option(
            names = "--schedule",
            paramLabel = "LAYER:BUDGET,...|dense",
            description = "Of all prompts; the engine's default by default.")
    private @Nullable String schedule;

    @Option(names = "--reuse", description = "Prompts that come again take what the prefix cache has of them.")
    private boolean reuse;

    @Option(names = "--batch-max", defaultValue = "16", description = "slim-infer.batch-max.")
    private int batchMax;

    @Option(names = "--queue-capacity", defaultValue = "64", description = "slim-infer.queue-capacity.")
    private int queueCapacity;

    @Option(
            names = "--prefill-slice",
            paramLabel = "MILLIS",
            defaultValue = "50",
            description = "slim-infer.prefill-slice.")
    private int prefillSlice;

    @Option(
            names = "--min-ratio",
            defaultValue = "0",
            description = "Lowest throughput of the last number of callers by that of the first.")
    private double ratioMin;

    @Option(names = "--backend", description = "cpu, java, cuda, ...; the best that works here by default.")
    private @Nullable String backend;

    @Option(names = "--compute", defaultValue = "auto", description = "Dtype of activations: f32, f16, bf16, auto.")
    private String compute = "auto";

    @Option(
            names = "--weights",
            defaultValue = "auto",
            description = "Form of weights: auto, bf16 (not quantised), int8.")
    private String weights = "auto";

    @Option(names = "--threads", defaultValue = "0", description = "Threads of the engine; 0: all cores.")
    private int threads;

    @Option(names = "--seed", defaultValue = "1", description = "Of the prompts' random token ids.")
    private long seed;

    @Mixin
    private ModelCacheOption cache = new ModelCacheOption();

    @Option(names = "--out", paramLabel = "DIR", description = "Append results to DIR/serve-MODEL-DATE.jsonl.")
    private @Nullable Path out;

    @Mixin
    private TablesOption tables = new TablesOption();

    @Override
    public Integer call() {
        PrintWriter stdout = checks().command().getOut();
        if (tables.render(checks(), ServeTable::render)) {
            return CommandLine.ExitCode.OK;
        }
        ServeSettings settings = settings();
        List<JsonLines> sinks = new ArrayList<>();
        if (out != null) {
            sinks.add(JsonLines.appendTo(out, "serve", settings.model().name()));
        }
        PrintWriter stderr = checks().command().getErr();
        try (Results results = new Results(sinks);
                ModelFolder folder = settings.model().open(settings.cache())) {
            List<String> wrong = new ServeRun(settings, results, stderr).run(folder, checks().arguments());
            stdout.print(ServeTable.render(results.lines()));
            stdout.flush();
            wrong.forEach(text -> stderr.println("WRONG: " + text));
            stderr.flush();
            return wrong.isEmpty() ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
        } catch (IllegalArgumentException e) {
            throw BackendChoice.inOptions(checks(), e);
        }
    }

    private ServeSettings settings() {
        if (model == null) {
            throw checks().refused("--model is missing: name a model folder or synthetic:1b");
        }
        String name = model;
        for (int count : callers) {
            checks().requireAtLeast("--callers", count, 1);
        }
        if (new HashSet<>(callers).size() < callers.size()) {
            throw checks().refused("--callers " + callers + " has a number twice");
        }
        checks().requireAtLeast("--rounds", rounds, 1);
        checks().requireAtLeast("--seconds", seconds, 1);
        checks().requireAtLeast("--warm-up", warmUp, 0);
        checks().requireAtLeast("--prompts", prompts, 1);
        checks().requireAtLeast("--tokens", tokens, 1);
        checks().requireAtLeast("--threads", threads, 0);
        checks().requireAtLeast("--queue-capacity", queueCapacity, 1);
        checks().requireAtLeast("--batch-max", batchMax, 1);
        checks().requireAtLeast("--prefill-slice", prefillSlice, 1);
        if (!(temperature >= 0)) {
            throw checks().refused("--temperature " + temperature + " is not allowed: use 0 or more");
        }
        DType dtype = BackendChoice.compute(checks(), compute);
        WeightPrecision precision = BackendChoice.weights(checks(), weights);
        if (backend != null) {
            BackendChoice.provider(checks(), backend);
        }
        ModelChoice choice = checks().checked("--model", () -> ModelChoice.of(name));
        checks().promptLengths(List.of(promptTokens), tokens, choice.name(), choice.maxPositions());
        return new ServeSettings(
                choice,
                callers,
                rounds,
                Duration.ofSeconds(seconds),
                Duration.ofSeconds(warmUp),
                promptTokens,
                prompts,
                tokens,
                temperature,
                chosenSchedule(choice),
                reuse,
                new ServingSettings(batchMax, queueCapacity, Duration.ZERO, Duration.ofMillis(prefillSlice), 0),
                ratioMin,
                backend,
                dtype,
                precision,
                threads,
                seed,
                cache.folder());
    }

    private @Nullable PruneSchedule chosenSchedule(ModelChoice choice) {
        String text = schedule;
        if (text == null) {
            return null;
        }
        return checks().checked("--schedule", () -> {
            List<PruneStep> steps = text.equals("dense") ? List.of() : PruneSchedule.parseSteps(text);
            PruneSchedule parsed = PruneSchedule.of(steps.toArray(new PruneStep[0]));
            parsed.requireLayers(choice.layers());
            return parsed;
        });
    }

    private CommandChecks checks() {
        return CommandChecks.of(spec);
    }
}
