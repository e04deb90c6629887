package io.sliminfer.benchmarks.cuda;

import io.sliminfer.benchmarks.report.Spread;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** One line for each memory limit, prompt length and mode: medians and extremes, the floor of each time, and how far it is. */
final class CudaSummary {

    private static final List<String> METRICS = List.of(
            "ttftSeconds", "flopsPerSecond", "decodeMillisPerToken", "endToEndSeconds", "overlap", "waitedSeconds");

    /** What tells variants apart. */
    private record Variant(long memoryBytes, String weights, int promptTokens, String mode) {

        static Variant of(JsonNode sample) {
            return new Variant(
                    sample.path("memoryBytes").asLong(),
                    sample.path("weights").asString(""),
                    sample.path("promptTokens").asInt(),
                    sample.path("mode").asString());
        }
    }

    /** What tells engines apart. */
    private record Engine(long memoryBytes, String weights) {

        static Engine of(JsonNode line) {
            return new Engine(
                    line.path("memoryBytes").asLong(), line.path("weights").asString(""));
        }
    }

    private CudaSummary() {}

    /** Summary lines in the order of first samples. */
    static List<Map<String, Object>> of(List<JsonNode> lines) {
        Map<Variant, List<JsonNode>> groups = new LinkedHashMap<>();
        JsonNode ceiling = null;
        Map<Engine, JsonNode> engines = new LinkedHashMap<>();
        for (JsonNode line : lines) {
            switch (line.path("type").asString()) {
                case "sample" ->
                    groups.computeIfAbsent(Variant.of(line), variant -> new ArrayList<>())
                            .add(line);
                case "ceiling" -> ceiling = line;
                case "engine" -> engines.put(Engine.of(line), line);
                default -> {
                    // Headers, profiles and starts are not summed up.
                }
            }
        }
        List<Map<String, Object>> summaries = new ArrayList<>();
        for (Map.Entry<Variant, List<JsonNode>> group : groups.entrySet()) {
            Variant variant = group.getKey();
            List<JsonNode> samples = group.getValue();
            Map<String, Object> summary = new LinkedHashMap<>();
            summary.put("type", "summary");
            summary.put("memoryBytes", variant.memoryBytes);
            if (!variant.weights.isEmpty()) {
                summary.put("weights", variant.weights);
            }
            summary.put("mode", variant.mode);
            summary.put("promptTokens", variant.promptTokens);
            summary.put("samples", samples.size());
            for (String metric : METRICS) {
                List<Double> values = Spread.values(metric, samples);
                if (!values.isEmpty()) {
                    summary.put(metric, Spread.of(values).toMap());
                }
            }
            if (ceiling != null) {
                addFloors(summary, samples, ceiling);
            }
            List<JsonNode> dense = groups.get(
                    new Variant(variant.memoryBytes, variant.weights, variant.promptTokens, Mode.DENSE.label()));
            addRatio(summary, "ttftTimesFasterThanDense", "ttftSeconds", dense, samples);
            addRatio(summary, "endToEndTimesFasterThanDense", "endToEndSeconds", dense, samples);
            Variant first = groups.keySet().iterator().next();
            List<JsonNode> uncapped =
                    groups.get(new Variant(first.memoryBytes, variant.weights, variant.promptTokens, variant.mode));
            addRatio(summary, "ttftOfFirstMemory", "ttftSeconds", samples, uncapped);
            List<JsonNode> firstWeights =
                    groups.get(new Variant(variant.memoryBytes, first.weights, variant.promptTokens, variant.mode));
            addRatio(summary, "ttftOfFirstWeights", "ttftSeconds", samples, firstWeights);
            addRatio(summary, "decodeOfFirstWeights", "decodeMillisPerToken", samples, firstWeights);
            JsonNode engine = engines.get(new Engine(variant.memoryBytes, variant.weights));
            if (engine != null) {
                summary.put("deviceBytesPeak", engine.path("deviceBytesPeak").asLong());
            }
            summaries.add(summary);
        }
        return summaries;
    }

    private static void addFloors(Map<String, Object> summary, List<JsonNode> samples, JsonNode ceiling) {
        double flopRate = ceiling.path("flopsPerSecond").asDouble();
        double byteRate = Math.max(
                ceiling.path("copyBytesPerSecond").asDouble(),
                ceiling.path("readBytesPerSecond").asDouble());
        double prefill = samples.get(0).path("prefillFlops").asDouble() / flopRate;
        summary.put("ttftFloorSeconds", Spread.rounded(prefill));
        Spread.median("ttftSeconds", samples)
                .ifPresent(ttft -> summary.put("ttftOfFloor", Spread.rounded(ttft / prefill)));
        OptionalDouble decode = Spread.median("decodeMillisPerToken", samples);
        if (decode.isPresent()) {
            double floor = samples.get(0).path("decodeBytes").asDouble() / byteRate * 1e3;
            summary.put("decodeBytes", samples.get(0).path("decodeBytes").asDouble());
            summary.put("decodeFloorMillis", Spread.rounded(floor));
            summary.put("decodeOfFloor", Spread.rounded(decode.getAsDouble() / floor));
        }
    }

    /** Median by median, unless both are the same samples or one is missing. */
    private static void addRatio(
            Map<String, Object> summary,
            String name,
            String metric,
            @Nullable List<JsonNode> dividend,
            @Nullable List<JsonNode> divisor) {
        if (dividend != null && divisor != null && dividend != divisor) {
            OptionalDouble above = Spread.median(metric, dividend);
            OptionalDouble below = Spread.median(metric, divisor);
            if (above.isPresent() && below.isPresent()) {
                summary.put(name, Spread.rounded(above.getAsDouble() / below.getAsDouble()));
            }
        }
    }
}
