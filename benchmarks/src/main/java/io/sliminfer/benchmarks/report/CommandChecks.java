package io.sliminfer.benchmarks.report;

import io.sliminfer.format.ModelFormatException;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Checks of a sub-command's options: what is refused names the option and ends with exit code 2. */
public record CommandChecks(CommandLine command) {

    /** For the command that picocli gave this specification. */
    public static CommandChecks of(@Nullable CommandSpec spec) {
        return new CommandChecks(Objects.requireNonNull(spec).commandLine());
    }

    public void requireAtLeast(String option, int value, int min) {
        if (value < min) {
            throw refused(option + " " + value + " is not allowed: use " + min + " or more");
        }
    }

    /** What a check refuses, with the option's name before it. */
    public <T> T checked(String option, Supplier<T> check) {
        try {
            return check.get();
        } catch (IllegalArgumentException | ModelFormatException e) {
            throw refused(option + ": " + e.getMessage());
        }
    }

    public ParameterException refused(String message) {
        return new ParameterException(command, message);
    }

    /** The whole command line after the jar's name. */
    public List<String> arguments() {
        CommandLine root = command;
        while (root.getParent() != null) {
            root = root.getParent();
        }
        return root.getParseResult().originalArgs();
    }
}
