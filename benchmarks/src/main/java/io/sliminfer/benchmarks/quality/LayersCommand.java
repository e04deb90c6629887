package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.models.ModelCacheOption;
import io.sliminfer.benchmarks.models.ModelChoice;
import io.sliminfer.benchmarks.report.CommandChecks;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.MarkdownTable;
import io.sliminfer.benchmarks.report.Results;
import io.sliminfer.benchmarks.report.RunHeader;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.benchmarks.trial.BackendChoice;
import io.sliminfer.engine.LogitErrors;
import io.sliminfer.format.ModelFolder;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Which layers bear 8 bits: the logits after the same prompts, with one layer after the other in 8 bits and all others as they are. */
@Command(
        name = LayersCommand.BENCHMARK,
        description = "Measures what 8 bits in one layer, in the output head and in all of them do to the logits.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        showDefaultValues = true)
public final class LayersCommand implements Callable<Integer> {

    static final String BENCHMARK = "layers";

    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--model", required = true, paramLabel = "DIR|synthetic:NAME", description = "As of speed.")
    private String model = "";

    @Option(names = "--backend", description = "One with weights in 8 bits; the best that works here by default.")
    private @Nullable String backend;

    @Option(names = "--prompts", defaultValue = "8", description = "Prompts of random token ids.")
    private int prompts;

    @Option(names = "--tokens", defaultValue = "256", description = "Tokens of a prompt.")
    private int tokens;

    @Option(names = "--seed", defaultValue = "1", description = "Of the token ids.")
    private long seed;

    @Mixin
    private ModelCacheOption cache = new ModelCacheOption();

    @Option(names = "--out", paramLabel = "DIR", description = "Append results to DIR/layers-MODEL-DATE.jsonl.")
    private @Nullable Path out;

    @Override
    public Integer call() {
        CommandChecks checks = CommandChecks.of(spec);
        ModelChoice choice = checks.checked("--model", () -> ModelChoice.of(model));
        checks.requireAtLeast("--prompts", prompts, 1);
        checks.requireAtLeast("--tokens", tokens, 1);
        if (tokens >= choice.maxPositions()) {
            throw checks.refused("--tokens " + tokens + " is not allowed: " + choice.name() + " has "
                    + choice.maxPositions() + " positions, of which one is for the answer");
        }
        if (backend != null) {
            BackendChoice.provider(checks, backend);
        }
        List<JsonLines> sinks = out == null ? List.of() : List.of(JsonLines.appendTo(out, BENCHMARK, choice.name()));
        try (Results results = new Results(sinks);
                ModelFolder folder = choice.open(cache.folder())) {
            Map<String, Object> header = RunHeader.of(checks.arguments());
            header.put("benchmark", BENCHMARK);
            header.put("model", choice.name());
            results.add(header);
            LogitErrors.Result measured = LogitErrors.measure(
                    folder, backend, prompts(new Random(seed), folder.config().vocabulary()));
            measured.effects().forEach((part, effect) -> results.add(line(part, effect)));
            Map<String, Object> kept = new LinkedHashMap<>();
            kept.put("type", "kept");
            kept.put("matrices", measured.kept());
            results.add(kept);
            print(checks.command().getOut(), choice.name(), measured);
        }
        return 0;
    }

    private List<int[]> prompts(Random random, int vocabulary) {
        return Stream.generate(() -> random.ints(tokens, 0, vocabulary).toArray())
                .limit(prompts)
                .toList();
    }

    private static Map<String, Object> line(String part, LogitErrors.Effect effect) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("type", "part");
        line.put("part", part);
        line.put("error", Spread.rounded(effect.error()));
        line.put("sameToken", Spread.rounded(effect.same()));
        return line;
    }

    private void print(PrintWriter stdout, String name, LogitErrors.Result measured) {
        MarkdownTable table = new MarkdownTable("8 bits in", "error of the logits", "same first token");
        measured.effects()
                .forEach((part, effect) -> table.row(
                        part,
                        String.format(Locale.ROOT, "%.3f %%", 100 * effect.error()),
                        String.format(Locale.ROOT, "%.0f %%", 100 * effect.same())));
        stdout.printf(
                "%s, %d prompts of %d random tokens, float32 elsewhere; relative L2 error.%n%n%s",
                name, prompts, tokens, table.render());
        measured.kept().forEach(matrix -> stdout.printf("not in 8 bits: %s%n", matrix));
        stdout.flush();
    }
}
