package io.sliminfer.benchmarks.speed;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.models.GgufWriter;
import io.sliminfer.benchmarks.models.PeerModel;
import io.sliminfer.benchmarks.report.ProcessMemory;
import io.sliminfer.benchmarks.report.Results;
import io.sliminfer.benchmarks.report.RunHeader;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.benchmarks.trial.EngineTrial;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.KvSettings;
import io.sliminfer.engine.LocalEngine;
import io.sliminfer.engine.PrefixSettings;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.prune.PruneSchedule;
import java.io.PrintWriter;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Measures all variants in turn, round after round, so that a machine that slows down or is disturbed does so for all of them
 * alike.
 */
final class SpeedRun {

    static final String BENCHMARK = "speed";

    /** Of the model written for llama.cpp: what its users run on a CPU. */
    private static final GgufWriter.Type LLAMA_WEIGHTS = GgufWriter.Type.Q4_0;

    private final SpeedSettings settings;
    private final PruneSchedule schedule;
    private final Results results;
    private final PrintWriter progress;
    private final Map<WeightPrecision, LocalEngine> engines = new EnumMap<>(WeightPrecision.class);
    private @Nullable GemmBaseline gemm;
    private @Nullable LlamaBaseline llama;

    /**
     * @param schedule of pruned prompts
     * @param progress told what is being done
     */
    SpeedRun(SpeedSettings settings, PruneSchedule schedule, Results results, PrintWriter progress) {
        this.settings = settings;
        this.schedule = schedule;
        this.results = results;
        this.progress = progress;
    }

    /** @throws RuntimeException the engine's own, if it cannot open the model or refuses a prompt */
    void run(ModelFolder folder, List<String> arguments) {
        try {
            for (WeightPrecision form : settings.weights()) {
                engines.put(form, LocalEngine.open(folder, engineSettings(form)));
            }
            DeviceInfo device = engines.get(settings.weights().get(0)).device();
            results.add(header(folder, device, arguments));
            openBaselines(folder.config(), device);
            Map<WeightPrecision, EngineTrial> trials = new EnumMap<>(WeightPrecision.class);
            engines.forEach(
                    (form, engine) -> trials.put(form, new EngineTrial(engine, settings.tokens(), settings.seed())));
            for (int round = 1; round <= settings.warmUps(); round++) {
                say("warm-up %d of %d", round, settings.warmUps());
                for (int promptTokens : settings.prompts()) {
                    for (Mode mode : settings.modes()) {
                        trials.values().forEach(trial -> trial.answer(promptTokens, scheduleOf(mode)));
                    }
                }
            }
            for (int round = 1; round <= settings.rounds(); round++) {
                measure(trials, round);
            }
            SpeedSummary.of(results.lines()).forEach(results::add);
        } finally {
            engines.values().forEach(LocalEngine::close);
            if (gemm != null) {
                gemm.close();
            }
        }
    }

    private EngineSettings engineSettings(WeightPrecision form) {
        return new EngineSettings(
                settings.backend(),
                new BackendSettings(settings.compute(), settings.threads()).withWeights(form),
                PruneSettings.of(schedule, 0),
                settings.promptMax(),
                // The same prompt runs many times: each must be computed from its first token.
                KvSettings.defaults().withPrefixes(PrefixSettings.off()),
                ServingSettings.of(1, 1),
                0);
    }

    private PruneSchedule scheduleOf(Mode mode) {
        return mode == Mode.DENSE ? schedule.withoutSteps() : schedule;
    }

    private void measure(Map<WeightPrecision, EngineTrial> trials, int round) {
        for (int promptTokens : settings.prompts()) {
            for (Mode mode : settings.modes()) {
                trials.forEach((form, trial) -> {
                    String label = settings.label(mode, form);
                    Map<String, Object> sample = sample(trial, promptTokens, mode, form);
                    say("round %d: %d tokens %s: %s s", round, promptTokens, label, sample.get("ttftSeconds"));
                    add(sample, round);
                });
            }
            if (gemm != null) {
                Map<String, Object> sample = gemm.measure(promptTokens);
                say("round %d: oneDNN alone: %s GFLOP/s", round, sample.get("gflopsPerSecond"));
                add(sample, round);
            }
        }
        if (llama != null) {
            measureLlama(llama, round);
        }
    }

    /** Runs a prompt; a line of results. */
    private Map<String, Object> sample(EngineTrial trial, int promptTokens, Mode mode, WeightPrecision form) {
        boolean peakIsOwn = ProcessMemory.resetPeak();
        GenerationReport report = trial.answer(promptTokens, scheduleOf(mode)).report();
        ProcessMemory memory = ProcessMemory.now();
        double seconds = report.timeToFirstToken().toNanos() * 1e-9;
        Map<String, Object> sample = new LinkedHashMap<>();
        sample.put("type", "sample");
        sample.put("mode", settings.label(mode, form));
        sample.put("weights", form.toString());
        sample.put("dense", settings.label(Mode.DENSE, form));
        sample.put("promptTokens", promptTokens);
        sample.put("generatedTokens", report.generatedTokens());
        sample.put("ttftSeconds", Spread.rounded(seconds));
        sample.put("promptTokensPerSecond", Spread.rounded(promptTokens / seconds));
        if (report.generatedTokens() > 1) {
            double perToken = report.perToken().toNanos() * 1e-9;
            sample.put("decodeMillisPerToken", Spread.rounded(perToken * 1e3));
            sample.put("decodeTokensPerSecond", Spread.rounded(1 / perToken));
        }
        sample.put("prunedShare", Spread.rounded(report.prunedShare()));
        sample.put("flopsSavedShare", Spread.rounded(report.flopsSavedShare()));
        sample.put(
                "gflopsPerSecond",
                Spread.rounded(trial.prefillFlops(report) / (report.prefill().toNanos() * 1e-9) / 1e9));
        sample.put("kvBytes", report.kvBytes());
        sample.put("peakResidentBytes", ProcessMemory.orNotAvailable(memory.peakResidentBytes()));
        sample.put("peakCountedFrom", peakIsOwn ? "sample" : "start");
        sample.put("anonymousBytes", ProcessMemory.orNotAvailable(memory.anonymousBytes()));
        return sample;
    }

    private void measureLlama(LlamaBaseline baseline, int round) {
        try {
            for (JsonNode sample : baseline.measure(settings.prompts())) {
                Map<String, Object> line = new LinkedHashMap<>();
                sample.properties().forEach(property -> line.put(property.getKey(), property.getValue()));
                say(
                        "round %d: %d tokens llama.cpp: %s s",
                        round,
                        sample.path("promptTokens").asInt(),
                        sample.path("ttftSeconds").asString());
                add(line, round);
            }
        } catch (LlamaBaseline.Unavailable e) {
            llama = null;
            note(
                    Baseline.LLAMA,
                    "llama.cpp is not measured" + (round > 1 ? " from round " + round + " on" : "") + ": "
                            + e.getMessage());
        }
    }

    private void add(Map<String, Object> sample, int round) {
        sample.put("round", round);
        results.add(sample);
    }

    private void openBaselines(ModelConfig model, DeviceInfo device) {
        if (settings.baselines().contains(Baseline.GEMM)) {
            try {
                if (device.backend().equals("cuda")) {
                    throw new IllegalStateException("it runs on the CPU, the engine on a GPU");
                }
                gemm = new GemmBaseline(model, device.compute(), settings.threadCount());
            } catch (IllegalStateException e) {
                note(Baseline.GEMM, "oneDNN alone is not measured: " + e.getMessage());
            }
        }
        if (settings.baselines().contains(Baseline.LLAMA)) {
            try {
                llama = new LlamaBaseline(
                        settings.llamaGguf() != null
                                ? settings.llamaGguf()
                                : PeerModel.file(model, LLAMA_WEIGHTS, settings.cache()),
                        settings.threadCount(),
                        settings.tokens(),
                        PeerModel.characters(settings.llamaGguf() != null ? Integer.MAX_VALUE : model.vocabulary()),
                        settings.llamaTimeout());
            } catch (IllegalArgumentException e) {
                note(Baseline.LLAMA, "llama.cpp is not measured: " + e.getMessage());
            }
        }
    }

    private void note(Baseline baseline, String text) {
        say("%s", text);
        Map<String, Object> note = new LinkedHashMap<>();
        note.put("type", "note");
        note.put("baseline", baseline.label());
        note.put("text", text);
        results.add(note);
    }

    private Map<String, Object> header(ModelFolder folder, DeviceInfo device, List<String> arguments) {
        Map<String, Object> header = RunHeader.of(arguments);
        header.put("benchmark", BENCHMARK);
        header.put("model", settings.model().name());
        header.put("parameters", folder.parameters());
        header.put("modelDtype", folder.config().dtype().name().toLowerCase(Locale.ROOT));
        header.put("backend", RunHeader.backend(device));
        header.put("threads", settings.threadCount());
        header.put("prompts", settings.prompts());
        header.put("modes", settings.modes().stream().map(Mode::label).toList());
        header.put(
                "weights",
                settings.weights().stream().map(WeightPrecision::toString).toList());
        header.put(
                "weightBytes",
                engines.values().stream()
                        .map(engine -> engine.snapshot().memory().weightsBytes())
                        .toList());
        header.put("rounds", settings.rounds());
        header.put("warmUps", settings.warmUps());
        header.put("tokens", settings.tokens());
        header.put("schedule", RunHeader.schedule(schedule));
        header.put("seed", settings.seed());
        header.put(
                "baselines", settings.baselines().stream().map(Baseline::label).toList());
        if (settings.baselines().contains(Baseline.LLAMA)) {
            header.put(
                    "llamaWeights",
                    settings.llamaGguf() != null
                            ? String.valueOf(settings.llamaGguf().getFileName())
                            : LLAMA_WEIGHTS.name().toLowerCase(Locale.ROOT));
        }
        return header;
    }

    private void say(String format, Object... values) {
        progress.println(String.format(Locale.ROOT, format, values));
        progress.flush();
    }
}
