package io.sliminfer.benchmarks.grammar;

import io.sliminfer.benchmarks.report.CommandChecks;
import io.sliminfer.benchmarks.report.Machine;
import io.sliminfer.benchmarks.report.MarkdownTable;
import io.sliminfer.grammar.TokenVocabulary;
import io.sliminfer.text.RenderedPrompt;
import io.sliminfer.text.Tokenizer;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Measures masks of several formats on a tokenizer's vocabulary, and the sampler on as many logits. */
@Command(
        name = "grammar",
        description = "Measures what structured output and sampling cost a token.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        showDefaultValues = true)
public final class GrammarCommand implements Callable<Integer> {

    private static final int VOCABULARY_MAX = 1 << 20;

    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--tokenizer", paramLabel = "FILE", required = true, description = "A model's tokenizer.json.")
    private Path tokenizer = Path.of("");

    @Option(names = "--rounds", paramLabel = "N", defaultValue = "20", description = "Documents after the first.")
    private int rounds;

    @Option(
            names = "--warm-ups",
            paramLabel = "N",
            defaultValue = "3",
            description = "Times that all is done before it is measured, with grammars of their own.")
    private int warmUps;

    @Option(
            names = "--step-ms",
            paramLabel = "MS",
            defaultValue = "100",
            description = "A decode step to compare with, in milliseconds.")
    private double stepMillis;

    @Override
    public Integer call() {
        CommandChecks checks = CommandChecks.of(spec);
        checks.requireAtLeast("--rounds", rounds, 1);
        checks.requireAtLeast("--warm-ups", warmUps, 0);
        if (!(stepMillis > 0)) {
            throw checks.refused("--step-ms " + stepMillis + " is no time: use more than 0");
        }
        PrintWriter out = checks.command().getOut();
        try (Tokenizer loaded = checks.checked("--tokenizer", () -> Tokenizer.load(tokenizer, VOCABULARY_MAX))) {
            measure(loaded, out);
        }
        return 0;
    }

    private void measure(Tokenizer loaded, PrintWriter out) {
        int size = size(loaded);
        long start = CpuClock.nanos();
        TokenVocabulary vocabulary = TokenVocabulary.of(size, loaded::bytes);
        double vocabularyMillis = (CpuClock.nanos() - start) / 1e6;
        out.println(Machine.current().describe());
        out.printf(
                Locale.ROOT,
                "%,d tokens, made a trie in %.0f ms. Times are of the processor, not of the clock.%n%n",
                size,
                vocabularyMillis);
        MarkdownTable masks = new MarkdownTable(
                "Format",
                "tokens",
                "compile, ms",
                "masks ahead, ms",
                "first document, us a token",
                "its worst, us",
                "later, us a token",
                "p99, us",
                "share of a step of " + plain(stepMillis) + " ms");
        for (SchemaCase format : SchemaCase.all()) {
            int[] tokens = loaded.encode(RenderedPrompt.untrusted(format.document()));
            MaskTimes times = MaskTimes.measure(format, tokens, vocabulary, size - 1, warmUps, rounds);
            masks.row(
                    times.name(),
                    String.valueOf(tokens.length),
                    plain(times.schemaMillis()),
                    plain(times.masksMillis()),
                    plain(MaskTimes.mean(times.firstMicros())),
                    plain(MaskTimes.quantile(times.firstMicros(), 1)),
                    plain(MaskTimes.mean(times.laterMicros())),
                    plain(MaskTimes.quantile(times.laterMicros(), 0.99)),
                    String.format(Locale.ROOT, "%.3f %%", MaskTimes.mean(times.firstMicros()) / 10 / stepMillis));
            out.flush();
        }
        out.println(masks.render());
        MarkdownTable sampler =
                new MarkdownTable("Sampling of " + String.format(Locale.ROOT, "%,d", size) + " logits", "median, us");
        for (Map.Entry<String, Double> row :
                SamplerTimes.measure(size, 50 * rounds).entrySet()) {
            sampler.row(row.getKey(), plain(row.getValue()));
        }
        out.println(sampler.render());
        out.flush();
    }

    private static int size(Tokenizer loaded) {
        int size = VOCABULARY_MAX;
        while (size > 0 && loaded.token(size - 1).isEmpty()) {
            size--;
        }
        return size;
    }

    private static String plain(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.1f" : "%.0f", value);
    }
}
