package io.sliminfer.benchmarks.quality.heatmap;

import java.util.List;

/**
 * Mean scores of one way to answer.
 *
 * @param title   such as {@code dense}
 * @param depths  rows, in percent, rising
 * @param lengths columns, in tokens, rising
 * @param scores  {@code [depth][length]}, 0 to 1; NaN where nothing was asked
 */
public record Heatmap(String title, List<Double> depths, List<Integer> lengths, double[][] scores) {

    public Heatmap {
        if (depths.isEmpty() || lengths.isEmpty() || scores.length != depths.size()) {
            throw new IllegalArgumentException("a heat map of " + depths.size() + " depths and " + lengths.size()
                    + " lengths needs as many scores");
        }
        for (double[] row : scores) {
            if (row.length != lengths.size()) {
                throw new IllegalArgumentException(
                        "a row of " + row.length + " scores in a heat map of " + lengths.size() + " lengths");
            }
        }
    }
}
