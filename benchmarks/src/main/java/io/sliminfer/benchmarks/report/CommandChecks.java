package io.sliminfer.benchmarks.report;

import io.sliminfer.format.ModelFormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import tools.jackson.databind.JsonNode;

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

    /** Constants by their names in lower case; each at most once. */
    public <E extends Enum<E>> List<E> choose(String option, List<String> texts, Class<E> type) {
        List<E> chosen = new ArrayList<>();
        for (String text : texts) {
            E value = null;
            for (E candidate : type.getEnumConstants()) {
                value = candidate.name().toLowerCase(Locale.ROOT).equals(text) ? candidate : value;
            }
            if (value == null || chosen.contains(value)) {
                throw refused("%s %s: '%s' is %s; there are %s"
                        .formatted(
                                option,
                                String.join(",", texts),
                                text,
                                value == null ? "unknown" : "named twice",
                                String.join(
                                                ", ",
                                                List.of(type.getEnumConstants()).stream()
                                                        .map(Enum::name)
                                                        .toList())
                                        .toLowerCase(Locale.ROOT)));
            }
            chosen.add(value);
        }
        return List.copyOf(chosen);
    }

    /** Prompt lengths in ascending order, each of which leaves room for {@code tokens} more. */
    public List<Integer> promptLengths(List<Integer> prompts, int tokens, String model, int positions) {
        for (int length : prompts) {
            requireAtLeast("--prompt", length, 1);
            if ((long) length + tokens > positions) {
                throw refused("--prompt %d with --tokens %d is too long: %s has %d positions"
                        .formatted(length, tokens, model, positions));
            }
        }
        if (new HashSet<>(prompts).size() < prompts.size()) {
            throw refused("--prompt " + prompts + " has a length twice");
        }
        return prompts.stream().sorted().toList();
    }

    /** Tables of the files that {@code --table} names. */
    public String render(List<Path> files, Function<List<JsonNode>, String> table) {
        StringBuilder text = new StringBuilder();
        for (Path file : files) {
            List<JsonNode> lines = checked("--table", () -> JsonLines.read(file));
            text.append(text.isEmpty() ? "" : "\n").append(checked("--table " + file, () -> table.apply(lines)));
        }
        return text.toString();
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
