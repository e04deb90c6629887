package io.sliminfer.benchmarks.speed;

import io.sliminfer.benchmarks.report.ProcessMemory;
import io.sliminfer.benchmarks.report.Spread;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** One line for each prompt length and mode: median, lowest and highest of all its samples. */
final class SpeedSummary {

    private static final List<String> METRICS = List.of(
            "promptTokensMeasured",
            "ttftSeconds",
            "promptTokensPerSecond",
            "decodeMillisPerToken",
            "decodeTokensPerSecond",
            "prunedShare",
            "flopsSavedShare",
            "gflopsPerSecond",
            "kvBytes",
            "weightsAndKvBytes",
            "peakResidentBytes",
            "anonymousBytes");

    private SpeedSummary() {}

    /** Summary lines in the order of prompt lengths and, for each, of first samples. */
    static List<Map<String, Object>> of(List<JsonNode> lines) {
        Map<Integer, Map<String, List<JsonNode>>> groups = new TreeMap<>();
        for (JsonNode line : lines) {
            if (line.path("type").asString().equals("sample")) {
                groups.computeIfAbsent(line.path("promptTokens").asInt(), length -> new LinkedHashMap<>())
                        .computeIfAbsent(line.path("mode").asString(), mode -> new ArrayList<>())
                        .add(line);
            }
        }
        List<Map<String, Object>> summaries = new ArrayList<>();
        groups.forEach((promptTokens, modes) -> modes.forEach((mode, samples) -> {
            Map<String, Object> summary = start(mode, promptTokens, samples.size());
            METRICS.forEach(metric -> addMetric(summary, metric, samples));
            List<JsonNode> dense = modes.get(samples.get(0).path("dense").asString(Mode.DENSE.label()));
            addRatio(summary, "ttftOfDense", "ttftSeconds", samples, dense, mode);
            List<JsonNode> llama = modes.get(Baseline.LLAMA.label());
            addRatio(summary, "ttftOfLlama", "ttftSeconds", samples, llama, mode);
            addRatio(summary, "decodeSpeedOfLlama", "decodeTokensPerSecond", samples, llama, mode);
            addRatio(summary, "gflopsOfGemm", "gflopsPerSecond", samples, modes.get(Baseline.GEMM.label()), mode);
            summaries.add(summary);
        }));
        return summaries;
    }

    /** A summary without figures. */
    static Map<String, Object> start(String mode, int promptTokens, int samples) {
        Map<String, Object> summary = new LinkedHashMap<>();
        summary.put("type", "summary");
        summary.put("mode", mode);
        summary.put("promptTokens", promptTokens);
        summary.put("samples", samples);
        return summary;
    }

    static void addMetric(Map<String, Object> summary, String metric, List<JsonNode> samples) {
        List<Double> values = Spread.values(metric, samples);
        if (!values.isEmpty()) {
            summary.put(metric, Spread.of(values).toMap());
        } else if (samples.get(0).has(metric)) {
            summary.put(metric, ProcessMemory.NOT_AVAILABLE);
        }
    }

    /** This mode's median by that of the other, where both have the metric. */
    static void addRatio(
            Map<String, Object> summary,
            String name,
            String metric,
            List<JsonNode> samples,
            @Nullable List<JsonNode> others,
            String mode) {
        boolean itself = others == null || others.get(0).path("mode").asString().equals(mode);
        OptionalDouble own = Spread.median(metric, samples);
        if (!itself && own.isPresent()) {
            Spread.median(metric, others)
                    .ifPresent(other -> summary.put(name, Spread.rounded(own.getAsDouble() / other)));
        }
    }
}
