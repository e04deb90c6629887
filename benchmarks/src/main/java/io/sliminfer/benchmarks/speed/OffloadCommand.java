package io.sliminfer.benchmarks.speed;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.benchmarks.models.ModelCacheOption;
import io.sliminfer.benchmarks.models.ModelChoice;
import io.sliminfer.benchmarks.report.CommandChecks;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.MarkdownTable;
import io.sliminfer.benchmarks.report.Results;
import io.sliminfer.benchmarks.report.RunHeader;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.benchmarks.trial.EngineTrial;
import io.sliminfer.engine.DefaultSchedule;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.KvSettings;
import io.sliminfer.engine.LocalEngine;
import io.sliminfer.engine.PrefixSettings;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.kv.KvTransfers;
import io.sliminfer.prune.PruneSchedule;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * What it costs when a prompt's KV cache does not fit the device: two engines of one model answer the same prompts in turns, one with room
 * for everything, one with a share of it and host memory behind.
 */
@Command(
        name = OffloadCommand.BENCHMARK,
        description =
                "Compares prompts whose KV cache fits the device with the same ones under a cap, with host memory behind it.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        showDefaultValues = true)
public final class OffloadCommand implements Callable<Integer> {

    static final String BENCHMARK = "offload";

    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--model", required = true, paramLabel = "DIR|synthetic:NAME", description = "As of speed.")
    private String model = "";

    @Option(names = "--prompt", paramLabel = "TOKENS", defaultValue = "32000", description = "Prompt length.")
    private int promptTokens;

    @Option(
            names = "--share",
            paramLabel = "SHARE",
            defaultValue = "0.25",
            description = "Device memory of the capped engine, as a share of the prompt's dense KV bytes.")
    private double share;

    @Option(names = "--prefetch-layers", defaultValue = "2", description = "Of the capped engine.")
    private int prefetchLayers;

    @Option(names = "--rounds", defaultValue = "2", description = "Samples of each variant; variants take turns.")
    private int rounds;

    @Option(names = "--tokens", defaultValue = "16", description = "Tokens to generate after each prompt.")
    private int tokens;

    @Option(names = "--seed", defaultValue = "1", description = "Of the prompts' random token ids.")
    private long seed;

    @Mixin
    private ModelCacheOption cache = new ModelCacheOption();

    @Option(names = "--out", paramLabel = "DIR", description = "Append results to DIR/offload-MODEL-DATE.jsonl.")
    private @Nullable Path out;

    /** One mode's samples of both engines. */
    private static final class Pair {
        private final List<Double> roomy = new ArrayList<>();
        private final List<Double> capped = new ArrayList<>();
        private final List<Double> roomyDecode = new ArrayList<>();
        private final List<Double> cappedDecode = new ArrayList<>();
        private boolean same = true;
        private KvTransfers transfers = KvTransfers.NONE;
    }

    @Override
    public Integer call() {
        ModelChoice choice = checks().checked("--model", () -> ModelChoice.of(model));
        requireRange("--prompt", promptTokens, 1, choice.maxPositions() - tokens);
        requireRange("--rounds", rounds, 1, 1000);
        requireRange("--tokens", tokens, 2, choice.maxPositions());
        requireRange("--prefetch-layers", prefetchLayers, 0, 1000);
        if (!(share > 0 && share < 1)) {
            throw checks().refused("--share " + share + " is not allowed: use a share above 0 and below 1");
        }
        List<JsonLines> sinks = new ArrayList<>();
        if (out != null) {
            sinks.add(JsonLines.appendTo(out, BENCHMARK, choice.name()));
        }
        try (Results results = new Results(sinks);
                ModelFolder folder = choice.open(cache.folder());
                LocalEngine roomy = LocalEngine.open(
                        folder, settings(KvSettings.defaults().withPrefixes(PrefixSettings.off()), null))) {
            // With the same slots a token takes the same bytes, so what a prompt takes here tells what to give there.
            long slotBytes = roomy.snapshot().kv().slotBytes();
            int block = PruneSchedule.BLOCK_DEFAULT;
            long denseBytes = slotBytes * choice.layers() * ((promptTokens + tokens + block - 1) / block);
            KvSettings kv = new KvSettings(
                    (long) (denseBytes * share),
                    null,
                    2 * denseBytes,
                    null,
                    0,
                    prefetchLayers,
                    KvSettings.SWAP_THRESHOLD_DEFAULT,
                    PrefixSettings.off());
            try (LocalEngine capped =
                    LocalEngine.open(folder, settings(kv, roomy.device().compute()))) {
                Map<String, Object> header = RunHeader.of(checks().arguments());
                header.put("benchmark", BENCHMARK);
                header.put("model", choice.name());
                header.put("device", roomy.device().description());
                header.put("denseKvBytes", denseBytes);
                header.put("cappedKvBytes", kv.memoryBytes());
                results.add(header);
                Map<Mode, Pair> pairs = measure(choice, roomy, capped, results);
                print(header, pairs);
            }
        }
        return 0;
    }

    /**
     * @param compute null to measure; the second engine takes what the first one chose
     */
    private EngineSettings settings(KvSettings kv, @Nullable DType compute) {
        return new EngineSettings(
                null,
                new BackendSettings(compute, 0),
                PruneSettings.defaults(),
                promptTokens,
                kv,
                ServingSettings.of(1, 1),
                0);
    }

    private Map<Mode, Pair> measure(ModelChoice choice, LocalEngine roomy, LocalEngine capped, Results results) {
        PruneSchedule schedule = DefaultSchedule.of(choice.layers());
        EngineTrial first = new EngineTrial(roomy, tokens, seed);
        EngineTrial second = new EngineTrial(capped, tokens, seed);
        Map<Mode, Pair> pairs = new LinkedHashMap<>();
        for (int round = 1; round <= rounds; round++) {
            for (Mode mode : Mode.values()) {
                PruneSchedule of = mode == Mode.DENSE ? schedule.withoutSteps() : schedule;
                Pair pair = pairs.computeIfAbsent(mode, key -> new Pair());
                EngineTrial.Answer whole = first.answer(promptTokens, of);
                EngineTrial.Answer moved = second.answer(promptTokens, of);
                pair.roomy.add(seconds(whole.report()));
                pair.capped.add(seconds(moved.report()));
                pair.roomyDecode.add(whole.report().perToken().toNanos() * 1e-6);
                pair.cappedDecode.add(moved.report().perToken().toNanos() * 1e-6);
                pair.same &= whole.ids().equals(moved.ids());
                pair.transfers = moved.report().transfers();
                results.add(sample(round, mode, whole, moved));
                progress("round %d: %s %.2f s, capped %.2f s, ids %s"
                        .formatted(
                                round,
                                mode.label(),
                                seconds(whole.report()),
                                seconds(moved.report()),
                                whole.ids().equals(moved.ids()) ? "the same" : "DIFFER"));
            }
        }
        return pairs;
    }

    private static double seconds(GenerationReport report) {
        return report.timeToFirstToken().toNanos() * 1e-9;
    }

    private Map<String, Object> sample(int round, Mode mode, EngineTrial.Answer whole, EngineTrial.Answer moved) {
        KvTransfers transfers = moved.report().transfers();
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("type", "sample");
        line.put("round", round);
        line.put("mode", mode.label());
        line.put("promptTokens", promptTokens);
        line.put("ttftSeconds", Spread.rounded(seconds(whole.report())));
        line.put("cappedTtftSeconds", Spread.rounded(seconds(moved.report())));
        line.put(
                "decodeMillisPerToken", Spread.rounded(whole.report().perToken().toNanos() * 1e-6));
        line.put(
                "cappedDecodeMillisPerToken",
                Spread.rounded(moved.report().perToken().toNanos() * 1e-6));
        line.put("sameIds", whole.ids().equals(moved.ids()));
        line.put("bytesToHost", transfers.bytesToHost());
        line.put("bytesToDevice", transfers.bytesToDevice());
        line.put("hitShare", Spread.rounded(transfers.hitShare()));
        line.put("waits", transfers.waits());
        line.put("waitedSeconds", Spread.rounded(transfers.waited().toNanos() * 1e-9));
        line.put("overlap", Spread.rounded(transfers.overlap()));
        return line;
    }

    private void print(Map<String, Object> header, Map<Mode, Pair> pairs) {
        MarkdownTable table = new MarkdownTable(
                "Mode",
                "TTFT s",
                "capped TTFT s",
                "ratio",
                "same ids",
                "decode ms/tok",
                "capped ms/tok",
                "MB to host",
                "MB to device",
                "hits",
                "copying beside compute");
        pairs.forEach((mode, pair) -> table.row(
                promptTokens + " " + mode.label(),
                number("%.2f", Spread.of(pair.roomy).median()),
                number("%.2f", Spread.of(pair.capped).median()),
                number(
                        "%.2f",
                        Spread.of(pair.capped).median() / Spread.of(pair.roomy).median()),
                pair.same ? "yes" : "NO",
                number("%.1f", Spread.of(pair.roomyDecode).median()),
                number("%.1f", Spread.of(pair.cappedDecode).median()),
                number("%.0f", pair.transfers.bytesToHost() / 1e6),
                number("%.0f", pair.transfers.bytesToDevice() / 1e6),
                number("%.0f %%", pair.transfers.hitShare() * 100),
                number("%.0f %%", pair.transfers.overlap() * 100)));
        PrintWriter stdout = checks().command().getOut();
        stdout.printf(
                Locale.ROOT,
                "%s, %s. Device memory for KV capped at %.0f %% of the prompt's dense %.0f MB, host memory behind it; medians of %d rounds.%n%n%s",
                header.get("model"),
                header.get("device"),
                share * 100,
                ((Number) header.get("denseKvBytes")).longValue() / 1e6,
                rounds,
                table.render());
        stdout.flush();
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }

    private void requireRange(String option, int value, int from, int to) {
        if (value < from || value > to) {
            throw checks().refused(option + " " + value + " is not allowed: use " + from + " to " + to);
        }
    }

    private CommandChecks checks() {
        return CommandChecks.of(spec);
    }

    private void progress(String text) {
        PrintWriter err = checks().command().getErr();
        err.println(text);
        err.flush();
    }
}
