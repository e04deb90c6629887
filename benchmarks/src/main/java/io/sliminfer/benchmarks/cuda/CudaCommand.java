package io.sliminfer.benchmarks.cuda;

import io.sliminfer.backend.BackendProvider;
import io.sliminfer.benchmarks.models.RandomModel;
import io.sliminfer.benchmarks.report.CommandChecks;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.Results;
import io.sliminfer.benchmarks.report.TablesOption;
import io.sliminfer.benchmarks.trial.BackendChoice;
import io.sliminfer.engine.DefaultSchedule;
import io.sliminfer.format.DType;
import io.sliminfer.format.GgufType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Options of the {@code cuda} command. All are checked before an engine is opened. */
@Command(
        name = CudaRun.BENCHMARK,
        description =
                "Measures the engine on a GPU: times, device memory, and the least this GPU needs for the same work.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        showDefaultValues = true,
        subcommands = TimelineCommand.class)
public final class CudaCommand implements Callable<Integer> {

    @Spec
    private @Nullable CommandSpec spec;

    @Option(
            names = "--model",
            paramLabel = "DIR|random:NAME",
            defaultValue = "random:llama-3.1-8b",
            description =
                    "Model folder, or random weights made on the device: random:llama-3.1-8b, random:llama-3.2-1b.")
    private String model = "";

    @Option(
            names = "--prompt",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "8192,16384,32768,65536",
            description = "Prompt lengths.")
    private List<Integer> prompts = List.of();

    @Option(
            names = "--mode",
            split = ",",
            paramLabel = "MODE",
            defaultValue = "dense,pruned",
            description = "dense, pruned, budget (pruned, and decode attends to --decode-budget).")
    private List<String> modes = List.of();

    @Option(
            names = "--schedule",
            paramLabel = "LAYER:BUDGET,...",
            description = "Steps of pruned prompts, such as 10:0.25,21:0.125; by depth by default.")
    private @Nullable String schedule;

    @Option(
            names = "--decode-budget",
            paramLabel = "BUDGET",
            defaultValue = "0.03125",
            description = "Of mode budget, after each step: a share of the prompt, or tokens.")
    private String decodeBudget = "";

    @Option(names = "--tokens", defaultValue = "32", description = "Tokens to generate after each prompt.")
    private int tokens;

    @Option(names = "--rounds", defaultValue = "3", description = "Samples of each variant; variants take turns.")
    private int rounds;

    @Option(names = "--warm-up", defaultValue = "1", description = "Rounds before these that do not count.")
    private int warmUps;

    @Option(
            names = "--memory",
            split = ",",
            paramLabel = "SIZE",
            defaultValue = "0",
            description =
                    "Limits of device memory, an engine for each in this order; 0: what is free. 24GB is 24*10^9 bytes,"
                            + " 24GiB 24*2^30.")
    private List<String> memories = List.of();

    @Option(
            names = "--kv-memory",
            paramLabel = "fit|rest|SIZE",
            defaultValue = "fit",
            description =
                    "KV cache on the device: what the longest prompt needs, what is left beside weights, or a size.")
    private String kvMemory = "";

    @Option(
            names = "--kv-host-memory",
            paramLabel = "none|fit|SIZE",
            defaultValue = "none",
            description = "KV cache in pinned host memory behind it.")
    private String kvHostMemory = "";

    @Option(
            names = "--max-prompt",
            paramLabel = "TOKENS",
            description = "Prompt length that the engine is sized for; the longest of --prompt by default.")
    private @Nullable Integer maxPrompt;

    @Option(
            names = "--tile",
            paramLabel = "ROWS",
            defaultValue = "0",
            description = "Rows that pass a layer together; 0: the device's favourite.")
    private int tile;

    @Option(names = "--backend", defaultValue = "cuda", description = "Another one, to try the command without a GPU.")
    private String backend = "";

    @Option(
            names = "--weights",
            split = ",",
            paramLabel = "FORM",
            defaultValue = "auto",
            description =
                    "Forms of weights, an engine for each, which take turns: auto, bf16 (not quantised), int8; of random models also"
                            + " blocks of GGUF: q8_0, q4_0, q4_k, q6_k.")
    private List<String> weights = List.of();

    @Option(names = "--compute", defaultValue = "bf16", description = "Dtype of activations and KV: f32, f16, bf16.")
    private String compute = "";

    @Option(names = "--device", defaultValue = "0", description = "CUDA's index of the GPU.")
    private int device;

    @Option(
            names = "--cache-dir",
            paramLabel = "DIR",
            description = "Folder of compiled kernels and measured products; the user's own by default.")
    private @Nullable Path cacheDir;

    @Option(names = "--empty-cache", description = "Start with an empty folder of kernels, removed at the end.")
    private boolean emptyCache;

    @Option(
            names = "--profile",
            description =
                    "Afterwards, time each operation of one prefill and of decode at the longest prompt in each mode; with --out"
                            + " also write DIR/cuda-timeline-MODE-TOKENS.jsonl.")
    private boolean profile;

    @Option(names = "--seed", defaultValue = "1", description = "Of the prompts' random token ids.")
    private long seed;

    @Option(names = "--out", paramLabel = "DIR", description = "Append results to DIR/cuda-MODEL-DATE.jsonl.")
    private @Nullable Path out;

    @Mixin
    private TablesOption tables = new TablesOption();

    @Override
    public Integer call() {
        PrintWriter stdout = checks().command().getOut();
        if (tables.render(checks(), CudaTable::render)) {
            return 0;
        }
        try (ModelFolder folder = checks().checked("--model", () -> open(model, null));
                Folders folders = new Folders(new LinkedHashMap<>())) {
            CudaSettings settings = settings(folder.config(), folder.name());
            for (WeightChoice choice : settings.weights()) {
                folders.all.put(choice, checks().checked("--weights", () -> open(model, choice.blocks())));
            }
            if (!emptyCache) {
                measure(settings, folders, stdout);
                return 0;
            }
            Path cache = temporaryFolder();
            try {
                measure(settings.withCache(cache), folders, stdout);
            } finally {
                delete(cache);
            }
        }
        return 0;
    }

    /** The model for each form of weights. */
    private record Folders(Map<WeightChoice, ModelFolder> all) implements AutoCloseable {
        @Override
        public void close() {
            all.values().forEach(ModelFolder::close);
        }
    }

    private void measure(CudaSettings settings, Folders folders, PrintWriter stdout) {
        List<JsonLines> sinks = new ArrayList<>();
        if (settings.out() != null) {
            String name = folders.all.values().iterator().next().name();
            sinks.add(JsonLines.appendTo(settings.out(), "cuda", name));
        }
        try (Results results = new Results(sinks)) {
            new CudaRun(
                            settings,
                            folders.all,
                            checks().arguments(),
                            results,
                            checks().command().getErr())
                    .run();
            stdout.print(CudaTable.render(results.lines()));
            stdout.flush();
        } catch (IllegalArgumentException e) {
            throw BackendChoice.inOptions(checks(), e);
        }
    }

    private static ModelFolder open(String text, @Nullable GgufType blocks) {
        if (text.startsWith(RandomModel.PREFIX)) {
            return RandomModel.open(text.substring(RandomModel.PREFIX.length()), blocks);
        }
        if (blocks != null) {
            throw new IllegalArgumentException(blocks.name().toLowerCase(Locale.ROOT)
                    + " is what a random model is made of; a file has its own: use auto, bf16 or int8");
        }
        return ModelFolder.open(Path.of(text));
    }

    private CudaSettings settings(ModelConfig config, String name) {
        checks().requireAtLeast("--tokens", tokens, 1);
        checks().requireAtLeast("--rounds", rounds, 1);
        checks().requireAtLeast("--warm-up", warmUps, 0);
        checks().requireAtLeast("--tile", tile, 0);
        checks().requireAtLeast("--device", device, 0);
        List<Integer> lengths = checks().promptLengths(prompts, tokens, name, config.maxPositions());
        int longest = lengths.get(lengths.size() - 1);
        if (maxPrompt != null && (maxPrompt < longest || maxPrompt >= config.maxPositions())) {
            throw checks().refused("--max-prompt " + maxPrompt + " is not allowed: use " + longest
                    + " (the longest of --prompt) to " + (config.maxPositions() - 1));
        }
        Map<Mode, PruneSchedule> schedules = schedules(config.layers());
        List<Long> limits = memories.stream()
                .map(text -> checks().checked("--memory", () -> ByteSize.parse(text)))
                .toList();
        if (limits.stream().distinct().count() < limits.size()) {
            throw checks().refused("--memory " + String.join(",", memories) + " has a limit twice");
        }
        KvSize kv = checks().checked("--kv-memory", () -> KvSize.parse(kvMemory, "rest"));
        KvSize kvHost = checks().checked("--kv-host-memory", () -> KvSize.parse(kvHostMemory, "none"));
        if (emptyCache && cacheDir != null) {
            throw checks().refused("--empty-cache and --cache-dir exclude each other: the empty folder is temporary");
        }
        if (out != null && Files.exists(out) && !Files.isDirectory(out)) {
            throw checks().refused("--out " + out + " is not a folder");
        }
        DType dtype = BackendChoice.compute(checks(), compute);
        if (dtype == null) {
            throw checks().refused("--compute auto is not allowed here, for floors depend on it: use f32, f16 or bf16");
        }
        List<WeightChoice> forms = checks().choose("--weights", weights, WeightChoice.class);
        BackendProvider provider = BackendChoice.provider(checks(), backend);
        return new CudaSettings(
                provider,
                dtype,
                forms,
                device,
                lengths,
                schedules,
                rounds,
                warmUps,
                tokens,
                limits,
                kv,
                kvHost,
                maxPrompt == null ? longest : maxPrompt,
                tile,
                cacheDir,
                profile,
                seed,
                out);
    }

    private Map<Mode, PruneSchedule> schedules(int layers) {
        List<Mode> chosen = checks().choose("--mode", modes, Mode.class);
        PruneSchedule pruned = pruned(layers);
        if (pruned.steps().isEmpty() && !chosen.equals(List.of(Mode.DENSE))) {
            throw checks().refused("--mode " + String.join(",", modes)
                    + ": the default schedule does not prune a model of " + layers + " layers; give --schedule");
        }
        Map<Mode, PruneSchedule> schedules = new LinkedHashMap<>();
        for (Mode mode : chosen) {
            schedules.put(
                    mode,
                    switch (mode) {
                        case DENSE -> pruned.withoutSteps();
                        case PRUNED -> pruned;
                        case BUDGET -> budgeted(pruned, layers);
                    });
        }
        return schedules;
    }

    private PruneSchedule pruned(int layers) {
        String text = schedule;
        if (text == null) {
            return DefaultSchedule.of(layers);
        }
        return checks().checked("--schedule", () -> {
            PruneSchedule parsed = PruneSchedule.dense().withSteps(PruneSchedule.parseSteps(text));
            parsed.requireLayers(layers);
            if (parsed.hasDecodeBudgets()) {
                throw new IllegalArgumentException(
                        "'" + text + "' has decode budgets: leave them out, mode budget takes --decode-budget");
            }
            return parsed;
        });
    }

    private PruneSchedule budgeted(PruneSchedule pruned, int layers) {
        Budget.Fixed budget = checks().checked("--decode-budget", () -> Budget.parseFixed(decodeBudget));
        List<PruneStep> steps = pruned.steps().stream()
                // After the last layer there is nothing that could attend to less.
                .map(step -> step.layer() == layers - 1 ? step : new PruneStep(step.layer(), step.budget(), budget))
                .toList();
        return pruned.withSteps(steps);
    }

    private static Path temporaryFolder() {
        try {
            return Files.createTempDirectory("slim-infer-cache-");
        } catch (IOException e) {
            throw new UncheckedIOException("no temporary folder can be made: " + e.getMessage(), e);
        }
    }

    private static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be removed: " + e.getMessage(), e);
        }
    }

    private CommandChecks checks() {
        return CommandChecks.of(spec);
    }
}
