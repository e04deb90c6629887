package io.sliminfer.benchmarks.serve;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.benchmarks.report.Results;
import io.sliminfer.benchmarks.report.RunHeader;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.EngineSnapshot;
import io.sliminfer.engine.GenerationRequest;
import io.sliminfer.engine.KvSettings;
import io.sliminfer.engine.LocalEngine;
import io.sliminfer.engine.PrefixSettings;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.Sampling;
import io.sliminfer.format.ModelFolder;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import tools.jackson.databind.JsonNode;

/**
 * Numbers of callers in turns on one engine. Answers are compared with those that each prompt gets alone, and what the process holds at the
 * end with what it held before.
 */
final class ServeRun {

    static final String BENCHMARK = "serve";

    private static final List<String> METRICS = List.of(
            "requestsPerSecond",
            "tokensPerSecond",
            "ttftMillisP50",
            "ttftMillisP95",
            "ttftMillisP99",
            "tokenMillisP50",
            "tokenMillisP95",
            "tokenMillisP99",
            "queueMillisP50",
            "queueMillisP95",
            "queueMillisP99",
            "decodeBatch",
            "callerRequestsMin",
            "callerRequestsMax",
            "fairness");

    private static final Duration IDLE_WAIT = Duration.ofSeconds(10);

    private final ServeSettings settings;
    private final Results results;
    private final PrintWriter progress;

    ServeRun(ServeSettings settings, Results results, PrintWriter progress) {
        this.settings = settings;
        this.results = results;
        this.progress = progress;
    }

    /** Gives what is wrong, in words; empty if nothing is. */
    List<String> run(ModelFolder folder, List<String> arguments) {
        List<String> wrong = new ArrayList<>();
        Map<String, Object> header = RunHeader.of(arguments);
        try (LocalEngine engine = LocalEngine.open(folder, engineSettings())) {
            header(header, folder, engine);
            Load load = new Load(engine, requests(engine.model().vocabulary()));
            List<int[]> alone = load.alone();
            load.run(settings.callersMax(), settings.warmUp());
            awaitIdle(engine);
            Leftovers start = Leftovers.now();
            List<JsonNode> samples = rounds(load, alone);
            EngineSnapshot idle = awaitIdle(engine);
            Leftovers end = Leftovers.now();
            summaries(samples);
            wrong.addAll(wrongAnswers(samples));
            wrong.addAll(end.since(start));
            wrong.addAll(slotsLeft(idle));
            wrong.addAll(ratio(samples));
            check(start, end, idle, wrong);
        }
        return wrong;
    }

    private EngineSettings engineSettings() {
        return new EngineSettings(
                settings.backend(),
                new BackendSettings(settings.compute(), settings.threads()).withWeights(settings.weights()),
                PruneSettings.defaults(),
                settings.promptTokens(),
                KvSettings.defaults().withPrefixes(settings.reuse() ? PrefixSettings.defaults() : PrefixSettings.off()),
                settings.serving(),
                0);
    }

    private void header(Map<String, Object> header, ModelFolder folder, LocalEngine engine) {
        header.put("benchmark", BENCHMARK);
        header.put("model", settings.model().name());
        header.put("parameters", folder.parameters());
        header.put("modelDtype", folder.config().dtype().name().toLowerCase(Locale.ROOT));
        header.put("weights", settings.weights().toString());
        header.put("backend", RunHeader.backend(engine.device()));
        header.put(
                "schedule",
                RunHeader.schedule(
                        settings.schedule() == null
                                ? engine.pruning().scheduleFor(settings.promptTokens())
                                : settings.schedule()));
        header.put("rounds", settings.rounds());
        header.put("seconds", settings.time().toMillis() * 1e-3);
        header.put("promptTokens", settings.promptTokens());
        header.put("prompts", settings.prompts());
        header.put("tokens", settings.tokens());
        header.put("temperature", settings.temperature());
        header.put("batchMax", settings.serving().batchMax());
        header.put("queueCapacity", settings.serving().queueCapacity());
        header.put("prefillSliceMillis", settings.serving().prefillSlice().toNanos() * 1e-6);
        results.add(header);
    }

    private List<GenerationRequest> requests(int vocabulary) {
        List<GenerationRequest> requests = new ArrayList<>();
        for (int prompt = 0; prompt < settings.prompts(); prompt++) {
            long seed = settings.seed() + prompt;
            int[] ids = new Random(seed)
                    .ints(settings.promptTokens(), 0, vocabulary)
                    .toArray();
            Sampling sampling = settings.temperature() == 0
                    ? Sampling.GREEDY
                    : new Sampling(settings.temperature(), 0, 1, 0, 1, 0, 0, seed);
            requests.add(new GenerationRequest(ids, sampling, settings.tokens(), Set.of(), settings.schedule()));
        }
        return requests;
    }

    private List<JsonNode> rounds(Load load, List<int[]> alone) {
        for (int round = 1; round <= settings.rounds(); round++) {
            for (int callers : settings.callers()) {
                Load.Result result = load.run(callers, settings.time());
                Map<String, Object> line = new LinkedHashMap<>();
                line.put("type", "sample");
                line.put("round", round);
                line.put("callers", callers);
                line.putAll(LoadFigures.of(result, alone));
                results.add(line);
                result.failures().stream().limit(5).forEach(failure -> say("failed: " + failure));
                say("round %d, %d callers: %s tokens/s, %s of %s answers differ"
                        .formatted(
                                round,
                                callers,
                                line.get("tokensPerSecond"),
                                line.get("differing"),
                                line.get("requests")));
            }
        }
        return results.lines().stream()
                .filter(line -> line.path("type").asString().equals("sample"))
                .toList();
    }

    private List<JsonNode> of(List<JsonNode> samples, int callers) {
        return samples.stream()
                .filter(sample -> sample.path("callers").asInt() == callers)
                .toList();
    }

    private void summaries(List<JsonNode> samples) {
        for (int callers : settings.callers()) {
            Map<String, Object> summary = new LinkedHashMap<>();
            summary.put("type", "summary");
            summary.put("callers", callers);
            for (String metric : METRICS) {
                summary.put(
                        metric,
                        Spread.of(Spread.values(metric, of(samples, callers))).toMap());
            }
            for (String sum : List.of("requests", "refused", "failed", "differing")) {
                summary.put(
                        sum,
                        of(samples, callers).stream()
                                .mapToInt(sample -> sample.path(sum).asInt())
                                .sum());
            }
            results.add(summary);
        }
    }

    private static List<String> wrongAnswers(List<JsonNode> samples) {
        List<String> wrong = new ArrayList<>();
        for (JsonNode sample : samples) {
            String when = " (round " + sample.path("round").asInt() + ", "
                    + sample.path("callers").asInt() + " callers)";
            if (sample.path("failed").asInt() > 0) {
                wrong.add(sample.path("failed").asInt() + " requests failed" + when);
            }
            if (sample.path("differing").asInt() > 0) {
                wrong.add(sample.path("differing").asInt() + " answers differ from those of the same prompts alone"
                        + when);
            }
            if (sample.path("requests").asInt() == 0) {
                wrong.add("no request ended" + when + ": give more --seconds");
            }
        }
        return wrong;
    }

    private static List<String> slotsLeft(EngineSnapshot idle) {
        int used = idle.kv().device().used()
                + idle.kv().host().used()
                + idle.kv().disk().used();
        return used == 0 && idle.requests().isEmpty()
                ? List.of()
                : List.of(used + " KV slots in use and " + idle.requests().size() + " requests left when idle");
    }

    private List<String> ratio(List<JsonNode> samples) {
        if (settings.callers().size() < 2) {
            return List.of();
        }
        int few = settings.callers().get(0);
        int many = settings.callers().get(settings.callers().size() - 1);
        List<Double> ratios = new ArrayList<>();
        for (int round = 0; round < settings.rounds(); round++) {
            ratios.add(of(samples, many).get(round).path("tokensPerSecond").asDouble()
                    / of(samples, few).get(round).path("tokensPerSecond").asDouble());
        }
        Spread spread = Spread.of(ratios);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("type", "ratio");
        line.put("callers", many);
        line.put("ofCallers", few);
        line.put("tokensPerSecond", spread.toMap());
        results.add(line);
        return spread.median() >= settings.ratioMin()
                ? List.of()
                : List.of("throughput of %d callers is %.2f times that of %d, less than %.2f"
                        .formatted(many, spread.median(), few, settings.ratioMin()));
    }

    private void check(Leftovers start, Leftovers end, EngineSnapshot idle, List<String> wrong) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("type", "leftovers");
        line.put("start", start.toMap());
        line.put("end", end.toMap());
        line.put("kvSlotsUsed", idle.kv().device().used());
        line.put("wrong", wrong);
        results.add(line);
    }

    private static EngineSnapshot awaitIdle(LocalEngine engine) {
        long begin = System.nanoTime();
        EngineSnapshot snapshot = engine.snapshot();
        while (!snapshot.requests().isEmpty() && System.nanoTime() - begin < IDLE_WAIT.toNanos()) {
            LockSupport.parkNanos(1_000_000);
            snapshot = engine.snapshot();
        }
        return snapshot;
    }

    private void say(String text) {
        progress.println(text);
        progress.flush();
    }
}
