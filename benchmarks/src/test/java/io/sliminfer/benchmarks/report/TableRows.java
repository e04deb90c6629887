package io.sliminfer.benchmarks.report;

import java.util.List;

/** Rows of Markdown tables, for tests. */
public final class TableRows {

    private TableRows() {}

    /** Cells of the tables' rows without padding; the lines of dashes are left out. */
    public static List<String> of(String text) {
        return text.lines()
                .filter(line -> line.startsWith("| "))
                .map(line -> line.substring(2, line.length() - 2)
                        .replaceAll(" *\\| *", "|")
                        .strip())
                .toList();
    }
}
