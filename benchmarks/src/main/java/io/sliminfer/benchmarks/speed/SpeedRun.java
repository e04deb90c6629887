package io.sliminfer.benchmarks.speed;

import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.report.Results;
import io.sliminfer.benchmarks.report.RunHeader;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.prune.PruneSchedule;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Measures all variants in turn, round after round, so that a machine that slows down or is disturbed does so for all of them
 * alike.
 */
final class SpeedRun {

    static final String BENCHMARK = "speed";

    private final SpeedSettings settings;
    private final PruneSchedule schedule;
    private final Results results;
    private final PrintWriter progress;
    private final Map<WeightPrecision, EngineProcess> engines = new EnumMap<>(WeightPrecision.class);
    private @Nullable GemmBaseline gemm;
    private final List<Peer> peers = new ArrayList<>();

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

    /** @throws IllegalArgumentException with the engine's message if it cannot open the model or refuses a prompt */
    void run(ModelFolder folder, List<String> arguments) {
        try {
            for (WeightPrecision form : settings.weights()) {
                engines.put(
                        form,
                        new EngineProcess(folder.path(), settings, schedule, form, settings.tokens(), null, progress));
            }
            results.add(header(folder, arguments));
            openBaselines(folder.config());
            for (int round = 1; round <= settings.warmUps(); round++) {
                say("warm-up %d of %d", round, settings.warmUps());
                for (int promptTokens : settings.prompts()) {
                    for (Mode mode : settings.modes()) {
                        engines.values().forEach(engine -> engine.answer(promptTokens, mode));
                    }
                }
            }
            for (int round = 1; round <= settings.rounds(); round++) {
                for (int promptTokens : settings.prompts()) {
                    measure(promptTokens, round);
                }
            }
            SpeedSummary.of(results.lines()).forEach(results::add);
        } finally {
            engines.values().forEach(EngineProcess::close);
            if (gemm != null) {
                gemm.close();
            }
        }
    }

    private void measure(int promptTokens, int round) {
        for (Mode mode : settings.modes()) {
            engines.forEach((form, engine) -> {
                Map<String, Object> sample = Samples.of(settings.label(mode, form), promptTokens);
                sample.put("weights", form.toString());
                sample.put("dense", settings.label(Mode.DENSE, form));
                sample.putAll(engine.answer(promptTokens, mode).sample());
                add(sample, round);
            });
        }
        if (gemm != null) {
            add(gemm.measure(promptTokens), round);
        }
        for (Peer peer : List.copyOf(peers)) {
            try {
                Map<String, Object> sample = Samples.of(peer.baseline().label(), promptTokens);
                sample.putAll(peer.measure(promptTokens, settings.tokens()));
                add(sample, round);
            } catch (Unavailable e) {
                peers.remove(peer);
                String since = round == 1 ? "" : " from round " + round + " on";
                note(Samples.notMeasured(peer.baseline(), since, e.getMessage()));
            }
        }
    }

    private void add(Map<String, Object> sample, int round) {
        say(
                "round %d: %s tokens %s: %s",
                round,
                sample.get("promptTokens"),
                sample.get("mode"),
                sample.containsKey("ttftSeconds")
                        ? sample.get("ttftSeconds") + " s"
                        : sample.get("gflopsPerSecond") + " GFLOP/s");
        sample.put("round", round);
        results.add(sample);
    }

    private void openBaselines(ModelConfig model) {
        if (settings.baselines().contains(Baseline.GEMM)) {
            JsonNode backend = firstEngine().backend();
            try {
                if (backend.path("name").asString().equals("cuda")) {
                    throw new IllegalStateException("it runs on the CPU, the engine on a GPU");
                }
                DType compute = DType.valueOf(backend.path("compute").asString().toUpperCase(Locale.ROOT));
                gemm = new GemmBaseline(model, compute, settings.threadCount());
            } catch (IllegalStateException e) {
                note(Samples.notMeasured(Baseline.GEMM, "", String.valueOf(e.getMessage())));
            }
        }
        peers.addAll(Peers.of(model, settings, this::note));
    }

    private EngineProcess firstEngine() {
        return Objects.requireNonNull(engines.get(settings.weights().get(0)));
    }

    private void note(Map<String, Object> note) {
        say("%s", note.get("text"));
        results.add(note);
    }

    private Map<String, Object> header(ModelFolder folder, List<String> arguments) {
        Map<String, Object> header =
                Samples.header(BENCHMARK, folder, settings, firstEngine().backend(), arguments);
        header.put(
                "weightBytes",
                engines.values().stream().map(EngineProcess::weightsBytes).toList());
        header.put("prompts", settings.prompts());
        header.put("warmUps", settings.warmUps());
        header.put("tokens", settings.tokens());
        header.put("schedule", RunHeader.schedule(schedule));
        return header;
    }

    private void say(String format, Object... values) {
        progress.println(String.format(Locale.ROOT, format, values));
        progress.flush();
    }
}
