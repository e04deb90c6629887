package io.sliminfer.benchmarks.speed;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.ProcessMemory;
import io.sliminfer.benchmarks.report.RunHeader;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.benchmarks.trial.EngineTrial;
import io.sliminfer.engine.EngineException;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.KvSettings;
import io.sliminfer.engine.LocalEngine;
import io.sliminfer.engine.PrefixSettings;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.ModelFormatException;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The JVM that an engine is measured in, so that its memory is its own. The first line of standard input has the settings, each
 * further one a prompt; it ends with its input. The other side is {@link EngineProcess}.
 */
final class EngineWorker {

    private final LocalEngine engine;
    private final EngineTrial trial;
    private final PruneSchedule schedule;
    private final long weightsBytes;

    private EngineWorker(LocalEngine engine, EngineTrial trial, PruneSchedule schedule) {
        this.engine = engine;
        this.trial = trial;
        this.schedule = schedule;
        this.weightsBytes = engine.snapshot().memory().weightsBytes();
    }

    public static void main(String[] args) {
        PrintStream out = System.out;
        int status = 0;
        try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            String settings = in.readLine();
            if (settings != null) {
                run(JsonLines.parse(settings), in, out);
            }
        } catch (IllegalArgumentException | EngineException | ModelFormatException e) {
            fail(out, String.valueOf(e.getMessage()));
            status = 1;
        } catch (Throwable e) { // whatever it is, the other side waits for an answer
            e.printStackTrace();
            fail(out, e.toString());
            status = 1;
        }
        System.exit(status);
    }

    private static void fail(PrintStream out, String message) {
        out.println(ChildProcess.FAILED + message.replace('\n', ' '));
        out.flush();
    }

    private static void run(JsonNode settings, BufferedReader in, PrintStream out) throws IOException {
        PruneSchedule schedule = PruneSchedule.of(
                PruneSchedule.parseSteps(settings.path("schedule").asString()).toArray(new PruneStep[0]));
        try (ModelFolder folder =
                        ModelFolder.open(Path.of(settings.path("model").asString()));
                LocalEngine engine = LocalEngine.open(folder, engineSettings(settings, schedule))) {
            EngineTrial trial = new EngineTrial(
                    engine,
                    settings.path("tokens").asInt(),
                    settings.path("seed").asLong());
            EngineWorker worker = new EngineWorker(engine, trial, schedule);
            answer(out, ChildProcess.READY, worker.ready());
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                JsonNode prompt = JsonLines.parse(line);
                Mode mode = Mode.valueOf(prompt.path("mode").asString());
                answer(
                        out,
                        ChildProcess.RESULT,
                        worker.sample(prompt.path("promptTokens").asInt(), mode));
            }
        }
    }

    private static void answer(PrintStream out, String kind, Map<String, Object> fields) {
        out.println(kind + JsonLines.text(fields));
        out.flush();
    }

    private static EngineSettings engineSettings(JsonNode settings, PruneSchedule schedule) {
        String compute = text(settings, "compute");
        String weightCache = text(settings, "weightCache");
        return new EngineSettings(
                text(settings, "backend"),
                new BackendSettings(
                                compute == null ? null : DType.valueOf(compute),
                                settings.path("threads").asInt())
                        .withWeights(
                                WeightPrecision.parse(settings.path("weights").asString()))
                        .withWeightCache(weightCache == null ? null : Path.of(weightCache)),
                PruneSettings.of(schedule, 0),
                settings.path("promptMax").asInt(),
                // The same prompt runs many times: each must be computed from its first token.
                KvSettings.defaults().withPrefixes(PrefixSettings.off()),
                ServingSettings.of(1, 1),
                0);
    }

    private static @Nullable String text(JsonNode settings, String name) {
        return settings.path(name).isString() ? settings.path(name).asString() : null;
    }

    private Map<String, Object> ready() {
        Map<String, Object> ready = new LinkedHashMap<>();
        ready.put("backend", RunHeader.backend(engine.device()));
        ready.put("weightsBytes", weightsBytes);
        return ready;
    }

    /** Runs a prompt; the part of a line of results that is measured. */
    private Map<String, Object> sample(int promptTokens, Mode mode) {
        boolean peakIsOwn = ProcessMemory.resetPeak();
        GenerationReport report = trial.answer(promptTokens, mode == Mode.DENSE ? schedule.withoutSteps() : schedule)
                .report();
        ProcessMemory memory = ProcessMemory.now();
        double seconds = report.timeToFirstToken().toNanos() * 1e-9;
        Map<String, Object> sample = new LinkedHashMap<>();
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
        sample.put("weightsAndKvBytes", weightsBytes + report.kvBytes());
        sample.put("peakResidentBytes", ProcessMemory.orNotAvailable(memory.peakResidentBytes()));
        sample.put("peakCountedFrom", peakIsOwn ? "sample" : "start");
        sample.put("anonymousBytes", ProcessMemory.orNotAvailable(memory.anonymousBytes()));
        sample.put("diskBytes", ProcessMemory.orNotAvailable(ProcessMemory.diskBytesRead()));
        return sample;
    }
}
