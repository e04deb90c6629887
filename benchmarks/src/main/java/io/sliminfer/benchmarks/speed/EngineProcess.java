package io.sliminfer.benchmarks.speed;

import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.prune.PruneSchedule;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * An engine in a JVM of its own ({@link EngineWorker}), with the options of this JVM. It stays for a whole run: between its
 * prompts its threads sleep. One thread.
 */
final class EngineProcess implements AutoCloseable {

    /** There is no limit: a prompt takes as long as it takes. */
    private static final Duration FOR_EVER = Duration.ofDays(365);

    private final ChildProcess process;
    private final PrintWriter log;
    private long linesLogged;
    private final JsonNode ready;
    private final double readySeconds;

    /**
     * Starts the JVM and waits until the model is loaded.
     *
     * @param tokens      tokens to generate after each prompt
     * @param weightCache folder of packed weights, or null to make them at start
     * @param log         gets what the engine warns of
     * @throws IllegalArgumentException with the engine's message if it cannot open the model
     */
    EngineProcess(
            Path model,
            SpeedSettings settings,
            PruneSchedule schedule,
            WeightPrecision weights,
            int tokens,
            @Nullable Path weightCache,
            PrintWriter log) {
        this.log = log;
        List<String> options = new ArrayList<>(ChildProcess.thisOptions());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> !option.startsWith("-agentlib:")
                        && !option.startsWith("-agentpath:")
                        && !option.startsWith("-javaagent:"))
                .forEach(options::add);
        try {
            process = ChildProcess.start(ChildProcess.java(
                    ChildProcess.thisJava(), options, ChildProcess.thisClassPath(), EngineWorker.class));
        } catch (Unavailable e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
        try {
            process.send(JsonLines.text(job(model, settings, schedule, weights, tokens, weightCache)));
            ChildProcess.Line line = process.await(ChildProcess.READY, FOR_EVER);
            ready = JsonLines.parse(line.text());
            readySeconds = line.seconds();
            logErrors();
        } catch (Unavailable e) {
            logErrors();
            process.close();
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    private static Map<String, Object> job(
            Path model,
            SpeedSettings settings,
            PruneSchedule schedule,
            WeightPrecision weights,
            int tokens,
            @Nullable Path weightCache) {
        Map<String, Object> job = new LinkedHashMap<>();
        job.put("model", model.toAbsolutePath().toString());
        job.put("weights", weights.toString());
        if (settings.backend() != null) {
            job.put("backend", settings.backend());
        }
        if (settings.compute() != null) {
            job.put("compute", settings.compute().name());
        }
        if (weightCache != null) {
            job.put("weightCache", weightCache.toAbsolutePath().toString());
        }
        job.put("threads", settings.threads());
        job.put("promptMax", settings.promptMax());
        job.put("schedule", schedule.stepsText());
        job.put("tokens", tokens);
        job.put("seed", settings.seed());
        return job;
    }

    /** What the engine runs on, as {@link io.sliminfer.benchmarks.report.RunHeader#backend} has it. */
    JsonNode backend() {
        return ready.path("backend");
    }

    long weightsBytes() {
        return ready.path("weightsBytes").asLong();
    }

    /** From the start of the process until the model was loaded. */
    double readySeconds() {
        return readySeconds;
    }

    /**
     * Runs a prompt.
     *
     * @param seconds when the answer was complete, from before the process was started
     */
    record Answer(Map<String, Object> sample, double seconds) {}

    /** @throws IllegalArgumentException with the engine's message if it refuses or fails */
    Answer answer(int promptTokens, Mode mode) {
        Map<String, Object> prompt = new LinkedHashMap<>();
        prompt.put("promptTokens", promptTokens);
        prompt.put("mode", mode.name());
        try {
            process.send(JsonLines.text(prompt));
            ChildProcess.Line line = process.await(ChildProcess.RESULT, FOR_EVER);
            Map<String, Object> sample = new LinkedHashMap<>();
            JsonLines.parse(line.text())
                    .properties()
                    .forEach(property -> sample.put(property.getKey(), property.getValue()));
            return new Answer(sample, line.seconds());
        } catch (Unavailable e) {
            logErrors();
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    /** Shows what the engine has written to its standard error since the last time. */
    private void logErrors() {
        List<String> lines = process.errorLines().skip(linesLogged).toList();
        linesLogged += lines.size();
        lines.forEach(log::println);
        log.flush();
    }

    @Override
    public void close() {
        logErrors();
        process.close();
    }
}
