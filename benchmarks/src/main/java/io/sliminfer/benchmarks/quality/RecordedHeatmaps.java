package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.quality.heatmap.Heatmap;
import io.sliminfer.benchmarks.report.RunHeader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/**
 * The heat maps of one run, as {@code cell} lines and back.
 *
 * @param title above all maps
 * @param maps  dense first, then each way of pruning; of the same depths and lengths
 */
record RecordedHeatmaps(String title, List<Heatmap> maps) {

    private static final String CELL = "cell";

    /** A score and where it belongs. */
    private record Cell(String variant, double depth, int length, double score) {}

    /** One line for each cell. {@code cases} is how many were asked for it. */
    List<Map<String, Object>> lines(int cases) {
        List<Map<String, Object>> lines = new ArrayList<>();
        for (Heatmap map : maps) {
            for (int row = 0; row < map.depths().size(); row++) {
                for (int column = 0; column < map.lengths().size(); column++) {
                    Map<String, Object> line = new LinkedHashMap<>();
                    line.put("type", CELL);
                    line.put("title", title);
                    line.put("variant", map.title());
                    line.put("depth", map.depths().get(row));
                    line.put("length", map.lengths().get(column));
                    line.put("cases", cases);
                    line.put("score", map.scores()[row][column]);
                    lines.add(line);
                }
            }
        }
        return lines;
    }

    /**
     * The last run of a file that {@code quality heatmap} wrote. Cells that it lacks are drawn as not asked.
     *
     * @throws IllegalArgumentException naming file, line and field of what cannot be used
     */
    static RecordedHeatmaps read(Path file) {
        String model = "";
        String title = "";
        List<Cell> cells = new ArrayList<>();
        for (JsonLine line : JsonLine.read(file)) {
            String type = line.text("type");
            if (type.equals(RunHeader.TYPE)) {
                requireHeatmap(line);
                model = line.text("model");
                title = model;
                cells.clear();
            } else if (type.equals("case")) {
                // Cells of early runs have no title of their own.
                title = line.text("task") + ", " + model;
            } else if (type.equals(CELL)) {
                title = line.textOr("title", title);
                cells.add(new Cell(
                        line.text("variant"),
                        number(line, "depth", 100),
                        line.integer("length"),
                        number(line, "score", 1)));
            }
        }
        if (cells.isEmpty()) {
            throw new IllegalArgumentException(
                    file + ": its last run has no lines of type cell; name a heatmap.jsonl whose run came to its end");
        }
        return new RecordedHeatmaps(title, maps(cells));
    }

    private static void requireHeatmap(JsonLine run) {
        String benchmark = run.text("benchmark");
        if (!benchmark.equals("heatmap")) {
            throw run.wrong("benchmark", "is " + benchmark + "; a run of quality heatmap is expected");
        }
    }

    private static double number(JsonLine line, String field, double max) {
        JsonNode value = line.node().path(field);
        if (!value.isNumber() || !(value.doubleValue() >= 0 && value.doubleValue() <= max)) {
            throw line.wrong(field, "must be a number from 0 to " + Math.round(max));
        }
        return value.doubleValue();
    }

    private static List<Heatmap> maps(List<Cell> cells) {
        List<Double> depths =
                new ArrayList<>(new TreeSet<>(cells.stream().map(Cell::depth).toList()));
        List<Integer> lengths =
                new ArrayList<>(new TreeSet<>(cells.stream().map(Cell::length).toList()));
        Map<String, double[][]> scores = new LinkedHashMap<>();
        for (Cell cell : cells) {
            double[][] ofVariant = scores.computeIfAbsent(cell.variant, absent -> {
                double[][] notAsked = new double[depths.size()][lengths.size()];
                Arrays.stream(notAsked).forEach(row -> Arrays.fill(row, Double.NaN));
                return notAsked;
            });
            ofVariant[depths.indexOf(cell.depth)][lengths.indexOf(cell.length)] = cell.score;
        }
        List<Heatmap> maps = new ArrayList<>();
        scores.forEach((variant, ofVariant) -> maps.add(new Heatmap(variant, depths, lengths, ofVariant)));
        return maps;
    }
}
