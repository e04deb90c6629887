package io.sliminfer.benchmarks.report;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A share, 0..1, of several cases. With fixed budgets cases of one length have the same, with mass budgets each has its own.
 *
 * @param deviation standard deviation over the cases, not of a sample
 */
public record Shares(double mean, double deviation, double min, double max) {

    /** @throws IllegalArgumentException if there is no case */
    public static Shares of(List<Double> cases) {
        double mean = cases.stream()
                .mapToDouble(share -> share)
                .average()
                .orElseThrow(() -> new IllegalArgumentException("no shares to summarise"));
        double square = cases.stream()
                .mapToDouble(share -> (share - mean) * (share - mean))
                .average()
                .orElseThrow();
        return new Shares(
                mean,
                Math.sqrt(square),
                cases.stream().mapToDouble(share -> share).min().orElseThrow(),
                cases.stream().mapToDouble(share -> share).max().orElseThrow());
    }

    /** For a line of results. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("mean", Spread.rounded(mean));
        map.put("deviation", Spread.rounded(deviation));
        map.put("min", Spread.rounded(min));
        map.put("max", Spread.rounded(max));
        return map;
    }

    /** Such as {@code 42 % (30-55)}, without the extremes where they are the mean. */
    public String text() {
        long least = Math.round(min * 100);
        long most = Math.round(max * 100);
        String text = Math.round(mean * 100) + " %";
        return least == most ? text : String.format(Locale.ROOT, "%s (%d-%d)", text, least, most);
    }
}
