package io.sliminfer.samples.rag.dashboards;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Panels with their data as one SVG picture, three beside each other: what the queries return, not what Grafana looks like. */
final class PanelImage {

    /** Data of a panel: series with their legends. */
    record Panel(String title, String unit, Map<String, List<Prometheus.Point>> series) {}

    /** Okabe and Ito's colours, which most people can tell apart. */
    private static final List<String> COLOURS =
            List.of("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#999999", "#000000");

    private static final int COLUMNS = 3;
    private static final int WIDTH = 400;
    private static final int PLOT = 130;
    private static final int LEFT = 52;
    private static final int RIGHT = 12;
    private static final int TOP = 30;
    private static final int LEGEND_ROW = 15;
    private static final int LEGENDS_MAX = 6;
    private static final int HEIGHT = TOP + PLOT + 24 + LEGEND_ROW * LEGENDS_MAX / 2 + 10;

    private final StringBuilder svg = new StringBuilder();
    private final double from;
    private final double to;

    private PanelImage(double fromSeconds, double toSeconds) {
        this.from = fromSeconds;
        this.to = toSeconds;
    }

    static String svg(List<Panel> panels, double fromSeconds, double toSeconds) {
        PanelImage image = new PanelImage(fromSeconds, toSeconds);
        int rows = (panels.size() + COLUMNS - 1) / COLUMNS;
        image.line(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"11\">",
                WIDTH * COLUMNS, HEIGHT * rows);
        image.line("<rect width=\"%d\" height=\"%d\" fill=\"white\"/>", WIDTH * COLUMNS, HEIGHT * rows);
        for (int i = 0; i < panels.size(); i++) {
            image.line("<g transform=\"translate(%d %d)\">", WIDTH * (i % COLUMNS), HEIGHT * (i / COLUMNS));
            image.panel(panels.get(i));
            image.line("</g>");
        }
        image.line("</svg>");
        return image.svg.toString();
    }

    /** So that the legend, which has room for some, names those that can be seen. */
    private static List<Map.Entry<String, List<Prometheus.Point>>> largestFirst(Panel panel) {
        return panel.series().entrySet().stream()
                .sorted(Comparator.comparingDouble(series -> -largest(series.getValue())))
                .toList();
    }

    private static double largest(List<Prometheus.Point> points) {
        return points.stream()
                .mapToDouble(Prometheus.Point::value)
                .filter(Double::isFinite)
                .max()
                .orElse(0);
    }

    private void panel(Panel panel) {
        double top = panel.series().values().stream()
                .mapToDouble(PanelImage::largest)
                .max()
                .orElse(0);
        top = top <= 0 ? 1 : top * 1.1;
        line("<text x=\"%d\" y=\"18\" font-size=\"13\">%s</text>", LEFT, escaped(panel.title()));
        for (int tick = 0; tick <= 2; tick++) {
            double y = TOP + PLOT * (1 - tick / 2.0);
            line("<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#dddddd\"/>", LEFT, WIDTH - RIGHT, y, y);
            line(
                    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" fill=\"#555555\">%s</text>",
                    LEFT - 4, y + 4, value(top * tick / 2, panel.unit()));
        }
        line("<text x=\"%d\" y=\"%d\" fill=\"#555555\">0 s</text>", LEFT, TOP + PLOT + 14);
        line(
                "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"#555555\">%.0f s</text>",
                WIDTH - RIGHT, TOP + PLOT + 14, to - from);
        int index = 0;
        for (Map.Entry<String, List<Prometheus.Point>> series : largestFirst(panel)) {
            String colour = COLOURS.get(index % COLOURS.size());
            for (String points : lines(series.getValue(), top)) {
                line(
                        "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" stroke-linecap=\"round\"/>",
                        points, colour);
            }
            if (index < LEGENDS_MAX) {
                int x = LEFT + (WIDTH - LEFT - RIGHT) / 2 * (index % 2);
                int y = TOP + PLOT + 32 + LEGEND_ROW * (index / 2);
                line("<rect x=\"%d\" y=\"%d\" width=\"9\" height=\"9\" fill=\"%s\"/>", x, y - 9, colour);
                line("<text x=\"%d\" y=\"%d\">%s</text>", x + 13, y, escaped(series.getKey()));
            }
            index++;
        }
    }

    /** A line for each stretch of numbers: where there was nothing to measure, the value is not a number. */
    private List<String> lines(List<Prometheus.Point> points, double top) {
        List<String> lines = new ArrayList<>();
        StringBuilder current = new StringBuilder();
        for (Prometheus.Point point : points) {
            if (Double.isFinite(point.value())) {
                current.append(String.format(
                        Locale.ROOT,
                        "%.1f,%.1f ",
                        LEFT + (WIDTH - LEFT - RIGHT) * (point.seconds() - from) / (to - from),
                        TOP + PLOT * (1 - point.value() / top)));
            } else if (!current.isEmpty()) {
                lines.add(current.toString().strip());
                current.setLength(0);
            }
        }
        if (!current.isEmpty()) {
            lines.add(current.toString().strip());
        }
        return lines;
    }

    private static String value(double value, String unit) {
        return switch (unit) {
            case "s" -> String.format(Locale.ROOT, value < 1 ? "%.2f s" : "%.1f s", value);
            case "percentunit" -> String.format(Locale.ROOT, "%.0f %%", value * 100);
            case "bytes", "Bps" -> String.format(Locale.ROOT, "%.0f MB", value / 1e6);
            default ->
                value >= 1e9
                        ? String.format(Locale.ROOT, "%.0f G", value / 1e9)
                        : value >= 1e4
                                ? String.format(Locale.ROOT, "%.0f k", value / 1e3)
                                : String.format(Locale.ROOT, value < 10 ? "%.1f" : "%.0f", value);
        };
    }

    private static String escaped(String text) {
        return text.chars()
                .mapToObj(c -> switch (c) {
                    case '<' -> "&lt;";
                    case '>' -> "&gt;";
                    case '&' -> "&amp;";
                    default -> String.valueOf((char) c);
                })
                .collect(Collectors.joining());
    }

    private void line(String format, Object... values) {
        svg.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
