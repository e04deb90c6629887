package io.sliminfer.benchmarks.report;

import java.util.Locale;
import java.util.function.DoubleFunction;
import tools.jackson.databind.JsonNode;

/** Cells of tables from fields of results; {@code -} where there is none. */
public final class Cells {

    public static final String NONE = "-";

    private Cells() {}

    /** The median of a spread, or a word that stands for it. */
    public static String median(JsonNode summary, String metric, DoubleFunction<String> format) {
        JsonNode value = summary.path(metric);
        return value.isString() ? value.asString() : number(value.path("median"), format);
    }

    public static String number(JsonNode value, DoubleFunction<String> format) {
        return value.isNumber() ? format.apply(value.asDouble()) : NONE;
    }

    /** {@code median (lowest-highest)}. */
    public static String spread(JsonNode value) {
        return value.has("median")
                ? "%s (%s-%s)"
                        .formatted(
                                figures(value.path("median").asDouble()),
                                figures(value.path("min").asDouble()),
                                figures(value.path("max").asDouble()))
                : NONE;
    }

    /** Three significant digits without exponent. */
    public static String figures(double value) {
        return format(value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : value >= 1 ? "%.2f" : "%.3f", value);
    }

    public static String percent(double share) {
        return format("%.0f %%", share * 100);
    }

    /** Bytes in decimal megabytes. */
    public static String megabytes(double bytes) {
        return format("%.0f", bytes / 1e6);
    }

    /** Such as {@code 1.04 B}. */
    public static String count(long count) {
        return count >= 1e9
                ? format("%.2f B", count / 1e9)
                : count >= 1e6 ? format("%.0f M", count / 1e6) : format("%.0f K", count / 1e3);
    }

    public static String format(String pattern, double value) {
        return String.format(Locale.ROOT, pattern, value);
    }
}
