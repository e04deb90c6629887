package io.sliminfer.benchmarks.cuda;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.UserCache;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.trace.Span;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.Results;
import io.sliminfer.benchmarks.report.RunHeader;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.benchmarks.trial.EngineTrial;
import io.sliminfer.engine.Engine;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.KvSettings;
import io.sliminfer.engine.LocalEngine;
import io.sliminfer.engine.PrefixSettings;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.kv.KvTransfers;
import io.sliminfer.prune.PruneSchedule;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Measures the variants of one engine in turn, round after round, so that a GPU that changes its clock does so for all of them alike;
 * engines of other memory limits follow, for one takes the memory of another. What the GPU could do at best is measured last, in
 * the same process.
 */
final class CudaRun {

    static final String BENCHMARK = "cuda";

    /** Tokens after the first whose time does not count: graphs are made there. */
    private static final int DECODE_SETTLES = 4;

    private final CudaSettings settings;
    private final Map<WeightChoice, ModelFolder> folders;
    /** Any of them: shape and name are the same. */
    private final ModelFolder folder;

    private final List<String> arguments;
    private final Results results;
    private final PrintWriter progress;

    /**
     * @param folders   the model for each form of weights
     * @param arguments command line after the jar's name
     * @param progress  told what is being done
     */
    CudaRun(
            CudaSettings settings,
            Map<WeightChoice, ModelFolder> folders,
            List<String> arguments,
            Results results,
            PrintWriter progress) {
        this.settings = settings;
        this.folders = folders;
        this.folder = folders.values().iterator().next();
        this.arguments = arguments;
        this.results = results;
        this.progress = progress;
    }

    /** An engine and what its weights are. */
    private record Running(WeightChoice weights, LocalEngine engine, EngineTrial trial, double openSeconds) {}

    /** @throws RuntimeException the engine's own, if it cannot open the model or refuses a prompt */
    void run() {
        int tile = 0;
        for (long memory : settings.memories()) {
            List<Running> engines = new ArrayList<>();
            try {
                for (WeightChoice weights : settings.weights()) {
                    engines.add(open(memory, weights));
                    if (tile == 0) {
                        tile = tileOf(engines.get(0).engine.device());
                    }
                }
                measure(engines, memory);
            } finally {
                engines.forEach(running -> running.engine.close());
            }
            if (settings.profiles()) {
                settings.weights().forEach(weights -> profile(memory, weights));
            }
        }
        measureCeilings(tile);
        CudaSummary.of(results.lines()).forEach(results::add);
    }

    private Running open(long memory, WeightChoice weights) {
        boolean cacheEmpty = isEmpty(settings.cache() == null ? UserCache.folder() : settings.cache());
        long before = System.nanoTime();
        LocalEngine engine = LocalEngine.open(folder(weights), engineSettings(memory, weights));
        double openSeconds = (System.nanoTime() - before) * 1e-9;
        if (results.lines().isEmpty()) {
            double sinceStart = (System.currentTimeMillis()
                            - ManagementFactory.getRuntimeMXBean().getStartTime())
                    * 1e-3;
            results.add(header(engine.device()));
            measureStart(engine, openSeconds, sinceStart, cacheEmpty);
        }
        return new Running(weights, engine, trial(engine), openSeconds);
    }

    private ModelFolder folder(WeightChoice weights) {
        return Objects.requireNonNull(folders.get(weights));
    }

    private int tileOf(DeviceInfo device) {
        return Math.min(settings.maxPrompt(), settings.tile() > 0 ? settings.tile() : device.tile());
    }

    private EngineSettings engineSettings(long memory, WeightChoice weights) {
        long fitting = settings.kvBytesFitting(folder.config());
        PruneSchedule sizes = settings.schedules().values().iterator().next();
        return new EngineSettings(
                settings.provider().name(),
                backendSettings(memory, weights.precision()),
                PruneSettings.of(sizes.withoutSteps(), 0),
                settings.maxPrompt(),
                new KvSettings(
                        settings.kv().bytes(fitting),
                        null,
                        settings.kvHost().bytes(fitting),
                        null,
                        0,
                        KvSettings.PREFETCH_LAYERS_DEFAULT,
                        KvSettings.SWAP_THRESHOLD_DEFAULT,
                        // The same prompt runs many times: each must be computed from its first token.
                        PrefixSettings.off()),
                ServingSettings.of(1, 1),
                settings.tile());
    }

    private BackendSettings backendSettings(long memory, WeightPrecision weights) {
        return new BackendSettings(settings.compute(), 0, settings.device(), memory, settings.cache())
                .withWeights(weights);
    }

    private static boolean isEmpty(Path cache) {
        if (!Files.isDirectory(cache)) {
            return true;
        }
        try (Stream<Path> files = Files.list(cache)) {
            return files.findAny().isEmpty();
        } catch (IOException e) {
            throw new UncheckedIOException(cache + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** The first engine of the process, its first request and the same one again. */
    private void measureStart(LocalEngine engine, double openSeconds, double sinceStart, boolean cacheEmpty) {
        Map.Entry<Mode, PruneSchedule> mode =
                settings.schedules().entrySet().iterator().next();
        int promptTokens = settings.prompts().get(0);
        EngineTrial trial = trial(engine);
        double[] seconds = new double[2];
        for (int i = 0; i < 2; i++) {
            seconds[i] = seconds(trial.answer(promptTokens, mode.getValue()).report());
        }
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("type", "start");
        line.put("cache", cacheEmpty ? "empty" : "filled");
        line.put("openSeconds", Spread.rounded(openSeconds));
        line.put("readySecondsAfterJvmStart", Spread.rounded(sinceStart));
        line.put("promptTokens", promptTokens);
        line.put("mode", mode.getKey().label());
        line.put("firstTtftSeconds", Spread.rounded(seconds[0]));
        line.put("secondTtftSeconds", Spread.rounded(seconds[1]));
        results.add(line);
        say(
                "cache %s: ready %.2f s after the JVM's start, first request %.3f s, second %.3f s",
                cacheEmpty ? "empty" : "filled", sinceStart, seconds[0], seconds[1]);
    }

    private EngineTrial trial(Engine engine) {
        return new EngineTrial(engine, settings.tokens(), settings.seed());
    }

    private void measure(List<Running> engines, long memory) {
        for (int round = 1 - settings.warmUps(); round <= settings.rounds(); round++) {
            for (int promptTokens : settings.prompts()) {
                for (Map.Entry<Mode, PruneSchedule> mode : settings.schedules().entrySet()) {
                    for (Running running : engines) {
                        measure(running, memory, round, promptTokens, mode.getKey(), mode.getValue());
                    }
                }
            }
        }
        for (Running running : engines) {
            Map<String, Object> line = line("engine", memory, running.weights);
            line.put("openSeconds", Spread.rounded(running.openSeconds));
            line.put("weightsBytes", running.engine.snapshot().memory().weightsBytes());
            line.put("kvBytes", running.engine.snapshot().memory().kvBytes());
            line.put("kvHostBytes", running.engine.snapshot().memory().hostBytes());
            line.put("deviceBytesPeak", running.engine.snapshot().deviceBytesPeak());
            results.add(line);
        }
    }

    private void measure(Running running, long memory, int round, int promptTokens, Mode mode, PruneSchedule schedule) {
        Map<String, Object> sample = sample(running, memory, promptTokens, mode, schedule);
        say(
                "%s: %d tokens %s%s: TTFT %s s, decode %s ms, end to end %s s",
                round < 1 ? "warm-up" : "round " + round,
                promptTokens,
                mode.label(),
                running.weights.label().isEmpty() ? "" : ", " + running.weights.label(),
                sample.get("ttftSeconds"),
                sample.getOrDefault("decodeMillisPerToken", "-"),
                sample.get("endToEndSeconds"));
        if (round >= 1) {
            sample.put("round", round);
            results.add(sample);
        }
    }

    /** The beginning of a line of results. */
    private static Map<String, Object> line(String type, long memory, WeightChoice weights) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("type", type);
        line.put("memoryBytes", memory);
        if (!weights.label().isEmpty()) {
            line.put("weights", weights.label());
        }
        return line;
    }

    private Map<String, Object> sample(
            Running running, long memory, int promptTokens, Mode mode, PruneSchedule schedule) {
        EngineTrial trial = running.trial;
        EngineTrial.Answer answer = trial.answer(promptTokens, schedule);
        GenerationReport report = answer.report();
        double prefill = report.prefill().toNanos() * 1e-9;
        double flops = trial.prefillFlops(report);
        double ttft = seconds(report);
        Map<String, Object> sample = line("sample", memory, running.weights);
        sample.put("mode", mode.label());
        sample.put("promptTokens", promptTokens);
        sample.put("generatedTokens", report.generatedTokens());
        sample.put("ttftSeconds", Spread.rounded(ttft));
        sample.put("flopsPerSecond", Spread.rounded(flops / prefill));
        sample.put("prefillFlops", Spread.rounded(flops));
        List<Double> steps = decodeMillis(answer.tokenNanos());
        if (!steps.isEmpty()) {
            sample.put("decodeMillisPerToken", Spread.rounded(Spread.of(steps).median()));
            sample.put(
                    "decodeBytes",
                    Spread.rounded(Work.decodeBytes(
                            folder.config(),
                            weightBytes(running),
                            report.stages(),
                            settings.compute(),
                            report.generatedTokens() / 2.0)));
        }
        sample.put("endToEndSeconds", Spread.rounded(ttft + report.decode().toNanos() * 1e-9));
        sample.put("prunedShare", Spread.rounded(report.prunedShare()));
        sample.put("flopsSavedShare", Spread.rounded(report.flopsSavedShare()));
        sample.put("kvBytes", report.kvBytes());
        addTransfers(sample, report.transfers());
        return sample;
    }

    /** Bytes of all matrices that decode reads; a table that only embeds lies in host memory. */
    private double weightBytes(Running running) {
        if (!running.engine.device().dedicated()) {
            return Work.weightBytes(folder.config(), settings.compute());
        }
        double table = (double) folder.config().hidden() * folder.config().vocabulary();
        return running.engine.snapshot().memory().weightsBytes()
                - (folder.config().tiedEmbeddings()
                        ? 0
                        : table * settings.compute().bytes());
    }

    private static void addTransfers(Map<String, Object> sample, KvTransfers transfers) {
        if (transfers.bytesToHost() > 0 || transfers.bytesToDevice() > 0) {
            sample.put("bytesToHost", transfers.bytesToHost());
            sample.put("bytesToDevice", transfers.bytesToDevice());
            sample.put("waits", transfers.waits());
            sample.put("waitedSeconds", Spread.rounded(transfers.waited().toNanos() * 1e-9));
            sample.put("overlap", Spread.rounded(transfers.overlap()));
        }
    }

    private static double seconds(GenerationReport report) {
        return report.timeToFirstToken().toNanos() * 1e-9;
    }

    /** Times between tokens once decode is steady. */
    static List<Double> decodeMillis(List<Long> tokenNanos) {
        List<Double> millis = new ArrayList<>();
        for (int i = 1 + DECODE_SETTLES; i < tokenNanos.size(); i++) {
            millis.add((tokenNanos.get(i) - tokenNanos.get(i - 1)) * 1e-6);
        }
        return millis;
    }

    /** In an engine of its own, so that the timing of operations slows no sample. */
    private void profile(long memory, WeightChoice weights) {
        PhaseSpans spans = new PhaseSpans();
        try (LocalEngine engine = LocalEngine.open(folder(weights), engineSettings(memory, weights), spans)) {
            EngineTrial trial = trial(engine);
            settings.schedules().forEach((mode, schedule) -> {
                int tokens = Math.min(PhaseSpans.TOKENS, folder.config().maxPositions() - settings.promptMax());
                trial.answer(settings.promptMax(), schedule, tokens, count -> {});
                spans.begin();
                trial.answer(settings.promptMax(), schedule, tokens, spans::onToken);
                addProfile(memory, weights, mode, "prefill", 1, spans.prefill());
                addProfile(memory, weights, mode, "decode", PhaseSpans.decodeTokens(), spans.decode());
                writeTimeline(memory, weights, mode, spans.prefill());
            });
        }
    }

    private void addProfile(long memory, WeightChoice weights, Mode mode, String phase, int passes, List<Span> spans) {
        Map<String, Object> line = line("profile", memory, weights);
        line.put("mode", mode.label());
        line.put("promptTokens", settings.promptMax());
        line.put("phase", phase);
        line.put("passes", passes);
        line.putAll(OperationSums.of(spans));
        results.add(line);
        say("profile: %d tokens %s, %s: %s ms", settings.promptMax(), mode.label(), phase, line.get("millis"));
    }

    private void writeTimeline(long memory, WeightChoice weights, Mode mode, List<Span> spans) {
        Path out = settings.out();
        if (out == null) {
            return;
        }
        String limit = memory == 0 ? "" : "-" + ByteSize.text(memory).replace(" ", "");
        String form = weights.label().isEmpty() ? "" : "-" + weights.label();
        Path file = out.resolve("cuda-timeline-" + mode.label() + "-" + settings.promptMax() + limit + form + ".jsonl");
        Timeline timeline = new Timeline(
                "%s, %d tokens, %s%s"
                        .formatted(
                                folder.name(),
                                settings.promptMax(),
                                mode.label(),
                                memory == 0 ? "" : ", at most " + ByteSize.text(memory) + " of device memory"),
                spans.stream().map(Timeline::bar).toList());
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be replaced: " + e.getMessage(), e);
        }
        try (JsonLines lines = JsonLines.appendTo(file)) {
            timeline.write(lines);
        }
        say("timeline in %s", file);
    }

    private void measureCeilings(int tile) {
        try (Backend backend = settings.provider().open(backendSettings(0, WeightPrecision.BF16))) {
            Map<String, Object> line = new Ceilings(backend, folder.config(), tile).measure();
            say("ceilings: %s", line);
            results.add(line);
        }
    }

    private Map<String, Object> header(DeviceInfo device) {
        Map<String, Object> header = RunHeader.of(arguments);
        header.put("benchmark", BENCHMARK);
        header.put("model", folder.name());
        header.put("parameters", folder.parameters());
        header.put("modelDtype", folder.config().dtype().name().toLowerCase(Locale.ROOT));
        header.put("weights", settings.weights().toString());
        header.put("backend", RunHeader.backend(device));
        header.put("prompts", settings.prompts());
        header.put(
                "modes", settings.schedules().keySet().stream().map(Mode::label).toList());
        header.put(
                "weights", settings.weights().stream().map(WeightChoice::name).toList());
        header.put("rounds", settings.rounds());
        header.put("warmUps", settings.warmUps());
        header.put("tokens", settings.tokens());
        header.put("tile", tileOf(device));
        Map<String, Object> schedules = new LinkedHashMap<>();
        settings.schedules().forEach((mode, schedule) -> schedules.put(mode.label(), schedule.stepsText()));
        header.put("schedules", schedules);
        header.put("schedule", RunHeader.schedule(prunedSchedule()));
        header.put("seed", settings.seed());
        return header;
    }

    /** The one that prunes most, for the table's text. */
    private PruneSchedule prunedSchedule() {
        PruneSchedule last = PruneSchedule.dense();
        for (PruneSchedule schedule : settings.schedules().values()) {
            last = schedule;
        }
        return last;
    }

    private void say(String format, Object... values) {
        progress.println(String.format(Locale.ROOT, format, values));
        progress.flush();
    }
}
