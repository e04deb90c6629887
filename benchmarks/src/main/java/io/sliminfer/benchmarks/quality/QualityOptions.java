package io.sliminfer.benchmarks.quality;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.benchmarks.quality.ruler.QuestionPlace;
import io.sliminfer.benchmarks.quality.ruler.Style;
import io.sliminfer.benchmarks.report.CommandChecks;
import io.sliminfer.benchmarks.trial.BackendChoice;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.format.ModelFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What {@code quality} and its sub-commands have in common. Refusals name the option. */
public final class QualityOptions {

    @Spec(Spec.Target.MIXEE)
    private @Nullable CommandSpec spec;

    @Option(
            names = "--model",
            paramLabel = "PATH",
            description = "Model folder, or GGUF file, with tokenizer and chat template.")
    private @Nullable Path model;

    @Option(names = "--out", paramLabel = "DIR", description = "Folder of the results; lines are appended.")
    private @Nullable Path out;

    @Option(names = "--backend", description = "cpu, java, cuda, ...; the best that works here by default.")
    private @Nullable String backend;

    @Option(
            names = "--compute",
            defaultValue = "auto",
            description = "Dtype of activations: f32, f16, bf16, auto (default: ${DEFAULT-VALUE}).")
    private String compute = "auto";

    @Option(
            names = "--weights",
            defaultValue = "auto",
            description = "Form of weights: auto, bf16 (not quantised), int8 (default: ${DEFAULT-VALUE}).")
    private String weights = "auto";

    @Option(names = "--seed", defaultValue = "1", description = "Of generated cases (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--style",
            defaultValue = "ruler",
            description =
                    "Phrasing of generated tasks: ruler, or tiny for the forms SlimInfer Tiny knows (default: ${DEFAULT-VALUE}).")
    private String style = "ruler";

    @Option(
            names = "--question",
            defaultValue = "after",
            description = "Where the question stands: after or before the document (default: ${DEFAULT-VALUE}).")
    private String question = "after";

    Path model() {
        Path path = model;
        if (path == null) {
            throw refused("--model is missing: name a model folder or a GGUF file");
        }
        if (!Files.isDirectory(path) && !(ModelFolder.isGguf(path) && Files.isRegularFile(path))) {
            throw refused("--model " + path + " is neither a folder nor a GGUF file");
        }
        return path;
    }

    Path out() {
        Path folder = out;
        if (folder == null) {
            throw refused("--out is missing: name a folder for the results");
        }
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            throw refused("--out " + folder + " is not a folder");
        }
        return folder;
    }

    /**
     * Loads {@code --model} on {@code --backend}.
     *
     * @param pruning of requests that do not choose for themselves
     */
    ModelUnderTest open(PruneSettings pruning) {
        BackendSettings settings = new BackendSettings(BackendChoice.compute(checks(), compute), 0)
                .withWeights(BackendChoice.weights(checks(), weights));
        if (backend != null) {
            BackendChoice.provider(checks(), backend);
        }
        Path folder = model();
        try {
            return ModelUnderTest.open(folder, backend, settings, pruning);
        } catch (IllegalArgumentException e) {
            throw BackendChoice.inOptions(checks(), e);
        }
    }

    /** The same with pruning as by default. */
    ModelUnderTest open() {
        return open(PruneSettings.defaults());
    }

    @Nullable
    String backend() {
        return backend;
    }

    long seed() {
        return seed;
    }

    Style style() {
        return choice("--style", style, Style.class);
    }

    QuestionPlace question() {
        return choice("--question", question, QuestionPlace.class);
    }

    private <E extends Enum<E>> E choice(String option, String text, Class<E> type) {
        return Arrays.stream(type.getEnumConstants())
                .filter(value -> value.name().equalsIgnoreCase(text))
                .findFirst()
                .orElseThrow(() -> refused(option + " " + text + " is unknown: use "
                        + Arrays.stream(type.getEnumConstants())
                                .map(value -> value.name().toLowerCase(Locale.ROOT))
                                .collect(Collectors.joining(" or "))));
    }

    /**
     * Refuses options that were given but that nothing reads.
     *
     * @param reason such as {@code with --cases}
     */
    void refuseUnread(String reason, String... names) {
        for (String name : names) {
            if (command().getParseResult().hasMatchedOption(name)) {
                throw refused(name + " is of no use " + reason);
            }
        }
    }

    /** For sub-commands: the options of {@code quality} itself are not theirs. */
    void refuseOptionsBeforeCommand() {
        CommandLine parent = command().getParent();
        if (parent != null && !parent.getParseResult().matchedOptions().isEmpty()) {
            throw refused(parent.getParseResult().matchedOptions().get(0).longestName() + " stands before "
                    + command().getCommandName() + ", where nothing reads it: put options after the command");
        }
    }

    void requireAtLeast(String option, int value, int min) {
        checks().requireAtLeast(option, value, min);
    }

    <T> T checked(String option, Supplier<T> check) {
        return checks().checked(option, check);
    }

    ParameterException refused(String message) {
        return checks().refused(message);
    }

    CommandLine command() {
        return checks().command();
    }

    List<String> arguments() {
        return checks().arguments();
    }

    private CommandChecks checks() {
        return CommandChecks.of(spec);
    }
}
