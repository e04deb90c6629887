package io.sliminfer.benchmarks.cuda;

import io.sliminfer.benchmarks.cuda.Timeline.Bar;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A timeline as an SVG picture: a lane for each queue, compute above, copies below it, a colour for each operation. */
final class TimelineImage {

    private static final List<String> LANES = List.of("compute", "to host", "to device");

    /** Okabe and Ito's colours, which most people can tell apart, then lighter ones for what takes little. */
    private static final List<String> COLOURS = List.of(
            "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442", "#999999", "#7f7fd5",
            "#b5cf6b", "#c49c94", "#17becf");

    private static final int LEFT = 90;
    private static final int RIGHT = 20;
    private static final int TOP = 40;
    private static final int LANE = 44;
    private static final int BAR = 32;
    private static final int LEGEND_COLUMN = 230;
    private static final int LEGEND_ROW = 18;

    /** Bars of one operation with less between them are drawn as one: they could not be told apart. */
    private static final double PIXELS_MIN = 0.4;

    private final Timeline timeline;
    private final double from;
    private final double to;
    private final int width;
    private final Map<String, String> colours = new LinkedHashMap<>();

    /**
     * @param fromMillis left edge
     * @param toMillis   right edge; above {@code fromMillis}
     * @throws IllegalArgumentException if nothing is between them
     */
    TimelineImage(Timeline timeline, double fromMillis, double toMillis, int width) {
        this.from = fromMillis * 1e3;
        this.to = toMillis * 1e3;
        this.width = width;
        List<Bar> shown = timeline.bars().stream()
                .filter(bar -> bar.endMicros() > from && bar.startMicros() < to)
                .sorted(Comparator.comparingDouble(Bar::startMicros))
                .toList();
        if (shown.isEmpty()) {
            throw new IllegalArgumentException(
                    "nothing ran between " + fromMillis + " and " + toMillis + " ms of " + timeline.title());
        }
        this.timeline = new Timeline(timeline.title(), shown);
        Map<String, Double> micros = new LinkedHashMap<>();
        shown.forEach(bar -> micros.merge(bar.operation(), bar.endMicros() - bar.startMicros(), Double::sum));
        micros.entrySet().stream()
                .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
                .forEach(operation -> colours.put(operation.getKey(), COLOURS.get(colours.size() % COLOURS.size())));
    }

    String svg() {
        List<String> lanes = LANES.stream()
                .filter(lane -> lane.equals(LANES.get(0)) || !bars(lane).isEmpty())
                .toList();
        int axis = TOP + LANE * lanes.size();
        int columns = Math.max(1, (width - LEFT - RIGHT) / LEGEND_COLUMN);
        int legendTop = axis + 44;
        int height = legendTop + LEGEND_ROW * ((colours.size() + columns - 1) / columns) + 10;
        StringBuilder svg = new StringBuilder();
        line(
                svg,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">",
                width,
                height,
                width,
                height);
        line(svg, "<title>%s</title>", escaped(timeline.title()));
        line(svg, "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>", width, height);
        line(svg, "<text x=\"%d\" y=\"22\" font-size=\"14\">%s</text>", LEFT, escaped(timeline.title()));
        for (int i = 0; i < lanes.size(); i++) {
            int y = TOP + LANE * i;
            line(
                    svg,
                    "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>",
                    LEFT - 8,
                    y + BAR / 2 + 4,
                    escaped(lanes.get(i)));
            for (Bar bar : merged(bars(lanes.get(i)))) {
                double start = x(Math.max(from, bar.startMicros()));
                line(
                        svg,
                        "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"%s\"/>",
                        start,
                        y,
                        Math.max(PIXELS_MIN, x(Math.min(to, bar.endMicros())) - start),
                        BAR,
                        colours.get(bar.operation()));
            }
        }
        appendAxis(svg, axis);
        int index = 0;
        for (Map.Entry<String, String> colour : colours.entrySet()) {
            int x = LEFT + LEGEND_COLUMN * (index % columns);
            int y = legendTop + LEGEND_ROW * (index / columns);
            line(svg, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/>", x, y - 10, colour.getValue());
            line(svg, "<text x=\"%d\" y=\"%d\">%s</text>", x + 18, y, escaped(colour.getKey()));
            index++;
        }
        return svg.append("</svg>\n").toString();
    }

    private List<Bar> bars(String lane) {
        return timeline.bars().stream().filter(bar -> bar.queue().equals(lane)).toList();
    }

    private List<Bar> merged(List<Bar> bars) {
        double gap = PIXELS_MIN * (to - from) / (width - LEFT - RIGHT);
        List<Bar> merged = new ArrayList<>();
        for (Bar bar : bars) {
            Bar last = merged.isEmpty() ? null : merged.get(merged.size() - 1);
            if (last != null
                    && last.operation().equals(bar.operation())
                    && bar.startMicros() - last.endMicros() < gap) {
                merged.set(
                        merged.size() - 1,
                        new Bar(
                                bar.queue(),
                                bar.operation(),
                                last.startMicros(),
                                Math.max(last.endMicros(), bar.endMicros())));
            } else {
                merged.add(bar);
            }
        }
        return merged;
    }

    private void appendAxis(StringBuilder svg, int y) {
        line(svg, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"black\"/>", LEFT, y, width - RIGHT, y);
        double step = step((to - from) / 1e3 / 8);
        for (double at = Math.ceil(from / 1e3 / step) * step; at <= to / 1e3; at += step) {
            line(
                    svg,
                    "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"black\"/>",
                    x(at * 1e3),
                    y,
                    x(at * 1e3),
                    y + 5);
            line(
                    svg,
                    "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s ms</text>",
                    x(at * 1e3),
                    y + 18,
                    new java.math.BigDecimal(at)
                            .round(new java.math.MathContext(6))
                            .stripTrailingZeros()
                            .toPlainString());
        }
    }

    /** 1, 2 or 5 times a power of ten, no smaller than asked for. */
    private static double step(double least) {
        double power = Math.pow(10, Math.floor(Math.log10(least)));
        for (double factor : new double[] {1, 2, 5}) {
            if (factor * power >= least) {
                return factor * power;
            }
        }
        return 10 * power;
    }

    private double x(double micros) {
        return LEFT + (micros - from) / (to - from) * (width - LEFT - RIGHT);
    }

    private static void line(StringBuilder svg, String format, Object... values) {
        svg.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
