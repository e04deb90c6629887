package io.sliminfer.benchmarks.report;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** {@code --table}: render recorded results instead of measuring. A command has it as a mixin. */
public final class TablesOption {

    @Option(
            names = "--table",
            arity = "1..*",
            paramLabel = "FILE.jsonl",
            showDefaultValue = CommandLine.Help.Visibility.NEVER,
            description = "Measure nothing: render the tables of these results.")
    private List<Path> files = List.of();

    /**
     * Prints the tables of the files to the command's output.
     *
     * @return whether there were any; then there is nothing to measure
     */
    public boolean render(CommandChecks checks, Function<List<JsonNode>, String> table) {
        if (files.isEmpty()) {
            return false;
        }
        checks.command().getOut().print(checks.render(files, table));
        checks.command().getOut().flush();
        return true;
    }
}
