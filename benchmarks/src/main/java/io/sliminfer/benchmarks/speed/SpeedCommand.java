package io.sliminfer.benchmarks.speed;

import io.sliminfer.backend.WeightCacheFolder;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.models.ModelCacheOption;
import io.sliminfer.benchmarks.models.ModelChoice;
import io.sliminfer.benchmarks.report.CommandChecks;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.PageCache;
import io.sliminfer.benchmarks.report.Results;
import io.sliminfer.benchmarks.report.TablesOption;
import io.sliminfer.benchmarks.trial.BackendChoice;
import io.sliminfer.engine.DefaultSchedule;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.io.File;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** Options of the {@code speed} command. All are checked before a model is written or loaded. */
@Command(
        name = SpeedRun.BENCHMARK,
        description = "Measures time to first token, decode time and memory by prompt length, dense and pruned.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        showDefaultValues = true)
public final class SpeedCommand implements Callable<Integer> {

    /** For {@code --baseline}. */
    private static final String NONE = "none";

    /** Tokens of the prompt of a cold start. */
    private static final int COLD_PROMPT = 512;

    @Spec
    private @Nullable CommandSpec spec;

    @Option(
            names = "--model",
            paramLabel = "DIR|synthetic:NAME",
            description = "Model folder, or random weights of a shape: synthetic:100m, synthetic:1b, synthetic:8b.")
    private @Nullable String model;

    @Option(
            names = "--prompt",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "1024,4096",
            description = "Prompt lengths.")
    private List<Integer> prompts = List.of();

    @Option(
            names = "--mode",
            split = ",",
            paramLabel = "MODE",
            defaultValue = "dense,pruned",
            description = "dense, pruned.")
    private List<String> modes = List.of();

    @Option(names = "--rounds", defaultValue = "3", description = "Samples of each variant; variants take turns.")
    private int rounds;

    @Option(
            names = "--cold",
            description =
                    "Measure the first answer after start instead: a fresh process for each sample, the model's files"
                            + " dropped from the page cache before (Linux). One --prompt (512 by default), --mode dense by"
                            + " default, one token.")
    private boolean cold;

    @Option(names = "--warm-up", defaultValue = "1", description = "Rounds before these that do not count.")
    private int warmUps;

    @Option(names = "--tokens", defaultValue = "32", description = "Tokens to generate after each prompt.")
    private int tokens;

    @Option(names = "--backend", description = "cpu, java, cuda, ...; the best that works here by default.")
    private @Nullable String backend;

    @Option(names = "--compute", defaultValue = "auto", description = "Dtype of activations: f32, f16, bf16, auto.")
    private String compute = "auto";

    @Option(
            names = "--weights",
            split = ",",
            paramLabel = "FORM",
            defaultValue = "auto",
            description = "Forms of weights: auto, bf16 (not quantised), int8; several take turns, an engine for each.")
    private List<String> weights = List.of();

    @Option(
            names = "--threads",
            defaultValue = "0",
            description = "Threads of the engine and the baselines; 0: all cores.")
    private int threads;

    @Option(
            names = "--schedule",
            paramLabel = "LAYER:BUDGET,...",
            description = "Steps of pruned prompts, such as 5:0.25,10:512; by depth by default.")
    private @Nullable String schedule;

    @Option(names = "--seed", defaultValue = "1", description = "Of the prompts' random token ids.")
    private long seed;

    @Option(
            names = "--baseline",
            split = ",",
            paramLabel = "NAME",
            defaultValue = "gemm",
            description = "gemm (oneDNN alone; the default without --cold), llama (llama.cpp), jlama (Jlama), none.")
    private List<String> baselines = List.of();

    @Option(
            names = "--llama-gguf",
            paramLabel = "FILE",
            description = "Model for llama.cpp; by default random q4_0 weights of the same shape are written.")
    private @Nullable Path llamaGguf;

    @Option(
            names = "--jlama-classpath",
            paramLabel = "JAR:...|DIR/*",
            description = "Jars of Jlama 0.8.4 for --baseline jlama, as benchmarks/jlama/pom.xml collects them.")
    private @Nullable String jlamaClasspath;

    @Option(
            names = "--jlama-java",
            paramLabel = "FILE",
            description = "java program that runs Jlama, of Java 20 or newer; by default the one that runs this.")
    private @Nullable Path jlamaJava;

    @Option(
            names = "--peer-timeout",
            paramLabel = "SECONDS",
            defaultValue = "1800",
            description = "A process of llama.cpp or Jlama is ended after this time.")
    private int peerTimeout;

    @Mixin
    private ModelCacheOption cache = new ModelCacheOption();

    @Option(
            names = "--weight-cache",
            paramLabel = "DIR",
            description =
                    "With --cold: a row more for int8 and auto, started with this folder as slim-infer.weight-cache. A"
                            + " start that fills it comes before and does not count.")
    private @Nullable Path weightCache;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Append results to DIR/speed-MODEL-DATE.jsonl, or cold-MODEL-DATE.jsonl.")
    private @Nullable Path out;

    @Option(names = "--json", description = "Write results to standard output instead of a table.")
    private boolean json;

    @Mixin
    private TablesOption tables = new TablesOption();

    @Override
    public Integer call() {
        PrintWriter stdout = checks().command().getOut();
        if (tables.render(checks(), SpeedTable::render)) {
            return 0;
        }
        SpeedSettings settings = settings();
        List<JsonLines> sinks = new ArrayList<>();
        if (out != null) {
            String benchmark = cold ? ColdRun.BENCHMARK : SpeedRun.BENCHMARK;
            sinks.add(JsonLines.appendTo(out, benchmark, settings.model().name()));
        }
        if (json) {
            sinks.add(JsonLines.to(System.out));
        }
        try (Results results = new Results(sinks)) {
            measure(settings, results);
            if (!json) {
                stdout.print(SpeedTable.render(results.lines()));
                stdout.flush();
            }
        } catch (IllegalArgumentException e) {
            throw BackendChoice.inOptions(checks(), e);
        }
        return 0;
    }

    private void measure(SpeedSettings settings, Results results) {
        PrintWriter progress = checks().command().getErr();
        if (cold) {
            new ColdRun(settings, scheduleOf(settings), results, progress).run(checks().arguments());
            return;
        }
        try (ModelFolder folder = settings.model().open(settings.cache())) {
            new SpeedRun(settings, scheduleOf(settings), results, progress).run(folder, checks().arguments());
        }
    }

    private static PruneSchedule scheduleOf(SpeedSettings settings) {
        return settings.schedule() != null
                ? settings.schedule()
                : DefaultSchedule.of(settings.model().layers());
    }

    private SpeedSettings settings() {
        if (model == null) {
            throw checks().refused("--model is missing: name a model folder or synthetic:1b");
        }
        String name = model;
        checks().requireAtLeast("--rounds", rounds, 1);
        checks().requireAtLeast("--warm-up", warmUps, 0);
        checks().requireAtLeast("--tokens", tokens, 1);
        checks().requireAtLeast("--threads", threads, 0);
        checks().requireAtLeast("--peer-timeout", peerTimeout, 1);
        if (cold) {
            prepareCold();
        }
        List<Mode> chosenModes = checks().choose("--mode", modes, Mode.class);
        Set<Baseline> chosenBaselines = chosenBaselines();
        DType dtype = BackendChoice.compute(checks(), compute);
        List<WeightPrecision> forms = weights.stream()
                .map(form -> BackendChoice.weights(checks(), form))
                .distinct()
                .toList();
        if (backend != null) {
            BackendChoice.provider(checks(), backend);
        }
        requireFiles(chosenBaselines);
        requireWeightCache(forms);
        ModelChoice choice = checks().checked("--model", () -> ModelChoice.of(name));
        List<Integer> lengths = checks().promptLengths(prompts, tokens, choice.name(), choice.maxPositions());
        PruneSchedule chosenSchedule = chosenSchedule(choice, chosenModes);
        return new SpeedSettings(
                choice,
                lengths,
                chosenModes,
                rounds,
                warmUps,
                tokens,
                backend,
                dtype,
                forms,
                threads,
                chosenSchedule,
                chosenBaselines,
                seed,
                llamaGguf,
                jlamaClasspath,
                jlamaJava,
                Duration.ofSeconds(peerTimeout),
                cache.folder(),
                weightCache);
    }

    /** What a cold start does not measure is refused, and defaults are its own. */
    private void prepareCold() {
        if (!PageCache.canDrop()) {
            throw checks().refused("--cold needs Linux: files cannot be dropped from the page cache on "
                    + System.getProperty("os.name"));
        }
        ParseResult given = checks().command().getParseResult();
        for (String option : List.of("--warm-up", "--tokens")) {
            if (given.hasMatchedOption(option)) {
                throw checks().refused(
                                option + " is of no use with --cold: it measures the first token of a fresh process");
            }
        }
        tokens = 1;
        if (!given.hasMatchedOption("--prompt")) {
            prompts = List.of(COLD_PROMPT);
        } else if (prompts.size() > 1) {
            throw checks().refused("--prompt " + prompts + ": --cold takes one length");
        }
        if (!given.hasMatchedOption("--mode")) {
            modes = List.of(Mode.DENSE.label());
        }
        if (!given.hasMatchedOption("--baseline")) {
            baselines = List.of(NONE);
        } else if (baselines.contains(Baseline.GEMM.label())) {
            throw checks().refused("--baseline gemm has no cold start; use llama, jlama or none");
        }
    }

    private @Nullable PruneSchedule chosenSchedule(ModelChoice choice, List<Mode> chosenModes) {
        if (schedule == null) {
            if (chosenModes.contains(Mode.PRUNED)
                    && DefaultSchedule.of(choice.layers()).steps().isEmpty()) {
                throw checks().refused("--mode pruned: the default schedule does not prune a model of "
                        + choice.layers() + " layers; give --schedule");
            }
            return null;
        }
        String text = schedule;
        return checks().checked("--schedule", () -> {
            List<PruneStep> steps = PruneSchedule.parseSteps(text);
            if (steps.isEmpty()) {
                throw new IllegalArgumentException("it has no steps; use --mode dense for dense prefill");
            }
            PruneSchedule parsed = PruneSchedule.of(steps.toArray(new PruneStep[0]));
            parsed.requireLayers(choice.layers());
            return parsed;
        });
    }

    private Set<Baseline> chosenBaselines() {
        if (baselines.contains(NONE)) {
            if (baselines.size() > 1) {
                throw checks().refused("--baseline " + String.join(",", baselines) + ": none stands alone");
            }
            return Set.of();
        }
        return EnumSet.copyOf(checks().choose("--baseline", baselines, Baseline.class));
    }

    private void requireFiles(Set<Baseline> chosenBaselines) {
        if (llamaGguf != null && !chosenBaselines.contains(Baseline.LLAMA)) {
            throw checks().refused("--llama-gguf is of no use without --baseline llama");
        }
        if (llamaGguf != null && !Files.isRegularFile(llamaGguf)) {
            throw checks().refused("--llama-gguf " + llamaGguf + " is not a file");
        }
        requireJlama(chosenBaselines.contains(Baseline.JLAMA));
        for (Path folder : out == null ? List.of(cache.folder()) : List.of(cache.folder(), out)) {
            if (Files.exists(folder) && !Files.isDirectory(folder)) {
                throw checks().refused((folder.equals(out) ? "--out " : "--cache ") + folder + " is not a folder");
            }
        }
    }

    private void requireWeightCache(List<WeightPrecision> forms) {
        Path folder = weightCache;
        if (folder == null) {
            return;
        }
        if (!cold) {
            throw checks().refused("--weight-cache is of no use without --cold: it makes starts faster, nothing else");
        }
        if (forms.equals(List.of(WeightPrecision.BF16))) {
            throw checks().refused("--weight-cache is of no use with --weights bf16: it keeps weights in 8 bits");
        }
        checks().checked("--weight-cache", () -> WeightCacheFolder.checked(folder));
    }

    private void requireJlama(boolean chosen) {
        if (!chosen && (jlamaClasspath != null || jlamaJava != null)) {
            throw checks().refused((jlamaClasspath != null ? "--jlama-classpath" : "--jlama-java")
                    + " is of no use without --baseline jlama");
        }
        if (chosen && jlamaClasspath == null) {
            throw checks().refused("--baseline jlama needs --jlama-classpath: the jars of Jlama, which are no part of"
                    + " this program (benchmarks/README.md says how to get them)");
        }
        if (jlamaClasspath != null) {
            for (String entry : jlamaClasspath.split(File.pathSeparator)) {
                Path path = Path.of(entry.endsWith("*") ? entry.substring(0, entry.length() - 1) : entry);
                if (!Files.exists(path)) {
                    throw checks().refused("--jlama-classpath: " + entry + " does not exist");
                }
            }
        }
        if (jlamaJava != null && !Files.isExecutable(jlamaJava)) {
            throw checks().refused("--jlama-java " + jlamaJava + " is not a program");
        }
    }

    private CommandChecks checks() {
        return CommandChecks.of(spec);
    }
}
