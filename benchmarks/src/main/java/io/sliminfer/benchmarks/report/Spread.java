package io.sliminfer.benchmarks.report;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import tools.jackson.databind.JsonNode;

/** Median and extremes of a few samples. */
public record Spread(double median, double min, double max, int count) {

    /** @throws IllegalArgumentException if there is no sample */
    public static Spread of(List<Double> samples) {
        if (samples.isEmpty()) {
            throw new IllegalArgumentException("no samples to summarise");
        }
        double[] sorted = samples.stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[sorted.length - 1], sorted.length);
    }

    /** The median of the numbers of this name that samples have. */
    public static OptionalDouble median(String metric, List<JsonNode> samples) {
        List<Double> values = values(metric, samples);
        return values.isEmpty()
                ? OptionalDouble.empty()
                : OptionalDouble.of(of(values).median());
    }

    /** The numbers of this name that samples have. */
    public static List<Double> values(String metric, List<JsonNode> samples) {
        return samples.stream()
                .map(sample -> sample.path(metric))
                .filter(JsonNode::isNumber)
                .map(JsonNode::asDouble)
                .toList();
    }

    /** For a line of results. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("median", rounded(median));
        map.put("min", rounded(min));
        map.put("max", rounded(max));
        return map;
    }

    /** Six significant digits: more than any clock here gives, few enough to read. */
    public static double rounded(double value) {
        return Double.isFinite(value)
                ? new java.math.BigDecimal(value)
                        .round(new java.math.MathContext(6))
                        .doubleValue()
                : value;
    }
}
