package io.sliminfer.benchmarks.speed;

import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.report.PageCache;
import io.sliminfer.benchmarks.report.Results;
import io.sliminfer.benchmarks.report.RunHeader;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.prune.PruneSchedule;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Measures the first answer after start: from the start of a fresh JVM to the first token of a prompt, with the model's files
 * dropped from the page cache before. Engines and peers take turns, round after round.
 */
final class ColdRun {

    static final String BENCHMARK = "cold";

    private static final List<String> METRICS = List.of(
            "firstTokenSeconds", "readySeconds", "ttftSeconds", "diskBytes", "peakResidentBytes", "weightsAndKvBytes");

    private final SpeedSettings settings;
    private final PruneSchedule schedule;
    private final Results results;
    private final PrintWriter progress;
    private final List<Peer> peers = new ArrayList<>();

    ColdRun(SpeedSettings settings, PruneSchedule schedule, Results results, PrintWriter progress) {
        this.settings = settings;
        this.schedule = schedule;
        this.results = results;
        this.progress = progress;
    }

    /**
     * @throws IllegalArgumentException with the engine's message if it cannot open the model
     * @throws java.io.UncheckedIOException if files cannot be dropped from the page cache
     */
    void run(List<String> arguments) {
        List<Start> starts = starts();
        Path model;
        try (ModelFolder folder = settings.model().open(settings.cache())) {
            model = folder.path();
            results.add(header(folder, arguments));
            peers.addAll(Peers.of(folder.config(), settings, this::note));
        }
        // The folder is closed: pages that are mapped here and were touched could not be dropped.
        starts.stream().filter(start -> start.cache() != null).forEach(start -> fill(model, start));
        for (int round = 1; round <= settings.rounds(); round++) {
            for (Mode mode : settings.modes()) {
                for (Start start : starts) {
                    add(sample(model, mode, start), round);
                }
            }
            measurePeers(round);
        }
        summarise();
    }

    /**
     * A way to start.
     *
     * @param cache folder of packed weights, or null
     */
    private record Start(WeightPrecision form, @Nullable Path cache) {}

    /** Each form of weights, and those in 8 bits from a cache besides. */
    private List<Start> starts() {
        List<Start> starts = new ArrayList<>();
        for (WeightPrecision form : settings.weights()) {
            starts.add(new Start(form, null));
            if (settings.weightCache() != null && form != WeightPrecision.BF16) {
                starts.add(new Start(form, settings.weightCache()));
            }
        }
        return starts;
    }

    private EngineProcess open(Path model, Start start) {
        return new EngineProcess(model, settings, schedule, start.form(), 1, start.cache(), progress);
    }

    /** A start that does not count. */
    private void fill(Path model, Start start) {
        say("filling %s", start.cache());
        open(model, start).close();
    }

    private Map<String, Object> header(ModelFolder folder, List<String> arguments) {
        JsonNode backend;
        // What the engine runs on is asked of a process that does not count.
        try (EngineProcess engine =
                open(folder.path(), new Start(settings.weights().get(0), null))) {
            backend = engine.backend();
        }
        Map<String, Object> header = Samples.header(BENCHMARK, folder, settings, backend, arguments);
        header.put("prompts", settings.prompts());
        header.put("schedule", RunHeader.schedule(schedule));
        return header;
    }

    private Map<String, Object> sample(Path model, Mode mode, Start start) {
        PageCache.filesOf(model).forEach(PageCache::drop);
        boolean cached = start.cache() != null;
        if (cached) {
            PageCache.filesBelow(start.cache()).forEach(PageCache::drop);
        }
        try (EngineProcess engine = open(model, start)) {
            EngineProcess.Answer answer = engine.answer(settings.promptMax(), mode);
            Map<String, Object> sample = Samples.of(
                    settings.label(mode, start.form()) + (cached ? " from cache" : ""), settings.promptMax());
            sample.put("weights", start.form().toString());
            sample.put("weightCache", cached);
            sample.putAll(answer.sample());
            sample.put("readySeconds", Spread.rounded(engine.readySeconds()));
            sample.put("firstTokenSeconds", Spread.rounded(answer.seconds()));
            return sample;
        }
    }

    private void measurePeers(int round) {
        for (Peer peer : List.copyOf(peers)) {
            try {
                Map<String, Object> sample = Samples.of(peer.baseline().label(), settings.promptMax());
                sample.putAll(peer.measureCold(settings.promptMax()));
                add(sample, round);
            } catch (Unavailable e) {
                peers.remove(peer);
                note(Samples.notMeasured(
                        peer.baseline(), round == 1 ? "" : " from round " + round + " on", e.getMessage()));
            }
        }
    }

    private void add(Map<String, Object> sample, int round) {
        say("round %d: %s: first token after %s s", round, sample.get("mode"), sample.get("firstTokenSeconds"));
        sample.put("round", round);
        results.add(sample);
    }

    private void summarise() {
        Map<String, List<JsonNode>> modes = new LinkedHashMap<>();
        for (JsonNode line : results.lines()) {
            if (line.path("type").asString().equals("sample")) {
                modes.computeIfAbsent(line.path("mode").asString(), mode -> new ArrayList<>())
                        .add(line);
            }
        }
        modes.forEach((mode, samples) -> {
            Map<String, Object> summary = SpeedSummary.start(mode, settings.promptMax(), samples.size());
            METRICS.forEach(metric -> SpeedSummary.addMetric(summary, metric, samples));
            SpeedSummary.addRatio(
                    summary, "timeOfLlama", "firstTokenSeconds", samples, modes.get(Baseline.LLAMA.label()), mode);
            results.add(summary);
        });
    }

    private void note(Map<String, Object> note) {
        say("%s", note.get("text"));
        results.add(note);
    }

    private void say(String format, Object... values) {
        progress.println(String.format(Locale.ROOT, format, values));
        progress.flush();
    }
}
