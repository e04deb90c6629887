package io.sliminfer.benchmarks.report;

import java.util.ArrayList;
import java.util.List;

/** A Markdown table: the first column left-aligned, figures right-aligned, padded so that it reads well as plain text too. */
public final class MarkdownTable {

    private final List<String> columns;
    private final List<List<String>> rows = new ArrayList<>();

    public MarkdownTable(String... columns) {
        this.columns = List.of(columns);
    }

    /**
     * Adds a row.
     *
     * @throws IllegalArgumentException if it has not one cell for each column
     */
    public void row(String... cells) {
        if (cells.length != columns.size()) {
            throw new IllegalArgumentException(
                    "a row of " + cells.length + " cells in a table of " + columns.size() + " columns " + columns);
        }
        List<String> row = new ArrayList<>();
        for (String cell : cells) {
            row.add(cell.replace("|", "\\|").replace('\n', ' '));
        }
        rows.add(row);
    }

    /** The table, each line ended by a line feed. */
    public String render() {
        int[] widths = new int[columns.size()];
        for (int i = 0; i < widths.length; i++) {
            widths[i] = Math.max(3, columns.get(i).length());
            for (List<String> row : rows) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        append(text, columns, widths);
        for (int i = 0; i < widths.length; i++) {
            text.append('|')
                    .append(i == 0 ? ":" : "-")
                    .append("-".repeat(widths[i]))
                    .append(i == 0 ? "-" : ":");
        }
        text.append("|\n");
        rows.forEach(row -> append(text, row, widths));
        return text.toString();
    }

    private static void append(StringBuilder text, List<String> cells, int[] widths) {
        for (int i = 0; i < widths.length; i++) {
            String padding = " ".repeat(widths[i] - cells.get(i).length());
            text.append("| ")
                    .append(i == 0 ? cells.get(i) + padding : padding + cells.get(i))
                    .append(' ');
        }
        text.append("|\n");
    }
}
