package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.quality.heatmap.Heatmap;
import io.sliminfer.benchmarks.quality.heatmap.HeatmapImage;
import io.sliminfer.benchmarks.quality.ruler.Placement;
import io.sliminfer.benchmarks.quality.ruler.QuestionPlace;
import io.sliminfer.benchmarks.quality.ruler.RulerTask;
import io.sliminfer.benchmarks.quality.ruler.RulerTasks;
import io.sliminfer.benchmarks.quality.ruler.Style;
import io.sliminfer.prune.PruneSchedule;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Asks for a needle at every depth of every length and draws the scores, dense beside pruned; or draws what such a run has recorded. */
@Command(
        name = "heatmap",
        description = "Draws the scores of a needle task by depth and length.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HeatmapCommand implements Callable<Integer> {

    private static final String NAME = "heatmap";

    @Mixin
    private QualityOptions options = new QualityOptions();

    @Option(
            names = "--task",
            defaultValue = "niah_single_2",
            description = "A task with needles (default: ${DEFAULT-VALUE}).")
    private String task = "niah_single_2";

    @Option(
            names = "--lengths",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "1024,2048,4096,8192,16384",
            description = "Prompt and answer (default: ${DEFAULT-VALUE}).")
    private List<Integer> lengths = List.of();

    @Option(
            names = "--depths",
            defaultValue = "40",
            description = "Depths from 0 to 100 percent (default: ${DEFAULT-VALUE}).")
    private int depths;

    @Option(
            names = "--count",
            defaultValue = "1",
            description = "Cases of each depth and length (default: ${DEFAULT-VALUE}).")
    private int count;

    @Option(
            names = "--schedule",
            paramLabel = "LAYER:BUDGET,...",
            description = "How to prune; may be given several times; the engine's own by default.")
    private List<String> schedules = List.of(PruneVariant.OWN);

    @Option(
            names = "--no-image",
            description = "Record the cells without drawing them, on a machine without fonts; see --from.")
    private boolean withoutImage;

    @Option(
            names = "--from",
            paramLabel = "FILE.jsonl",
            description = "Ask nothing: draw the last run in these results again, to --out.")
    private @Nullable Path recorded;

    @Override
    public Integer call() {
        options.refuseOptionsBeforeCommand();
        if (!withoutImage) {
            requireFonts();
        }
        if (recorded != null) {
            return redraw(recorded);
        }
        options.requireAtLeast("--depths", depths, 2);
        options.requireAtLeast("--count", count, 1);
        lengths.forEach(length -> options.requireAtLeast("--lengths", length, 1));
        lengths = lengths.stream().distinct().sorted().toList();
        RulerTask asked = task();
        List<PruneVariant> variants = options.checked(
                "--schedule",
                () -> schedules.stream().map(PruneVariant::of).distinct().toList());
        Path folder = options.out();
        Style style = options.style();
        QuestionPlace question = options.question();
        try (ModelUnderTest model = options.open()) {
            lengths.forEach(model::requireLength);
            RulerTasks generator =
                    new RulerTasks(model.tokens(), style, question, List.of(), PruneSchedule.BLOCK_DEFAULT);
            try (QualityRun run = new QualityRun(options, NAME, model)) {
                List<PairedResult> results = run.run(cases(generator, asked), variants);
                List<Heatmap> maps = maps(results, variants);
                String title = "%s, question %s, %s"
                        .formatted(asked.label(), question == QuestionPlace.AFTER ? "after" : "before", model.name());
                RecordedHeatmaps heatmaps = new RecordedHeatmaps(title, maps);
                heatmaps.lines(count).forEach(run::write);
                if (!withoutImage) {
                    draw(heatmaps, folder);
                }
                PrintWriter stdout = options.command().getOut();
                stdout.print(run.finish(Summary.of(results)));
                stdout.flush();
            }
        }
        return 0;
    }

    private void requireFonts() {
        try {
            HeatmapImage.requireFonts();
        } catch (IllegalStateException e) {
            throw options.refused(
                    NAME + ": " + e.getMessage() + ", or record with --no-image and draw elsewhere with --from");
        }
    }

    private int redraw(Path file) {
        options.refuseUnread(
                "with --from",
                "--model",
                "--backend",
                "--compute",
                "--seed",
                "--style",
                "--question",
                "--task",
                "--lengths",
                "--depths",
                "--count",
                "--schedule",
                "--no-image");
        Path folder = options.out();
        RecordedHeatmaps heatmaps = options.checked("--from", () -> RecordedHeatmaps.read(file));
        createFolder(folder);
        draw(heatmaps, folder);
        return 0;
    }

    private static void createFolder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be made: " + e.getMessage(), e);
        }
    }

    private static void draw(RecordedHeatmaps heatmaps, Path folder) {
        HeatmapImage.write(HeatmapImage.draw(heatmaps.title(), heatmaps.maps()), folder.resolve(NAME + ".png"));
    }

    private RulerTask task() {
        List<RulerTask> named = options.checked("--task", () -> RulerTask.parse(List.of(task)));
        if (named.size() != 1 || !named.get(0).isPlaceable()) {
            throw options.refused("--task " + task + " is not one task with needles: use one such as niah_single_2");
        }
        return named.get(0);
    }

    private double depth(int row) {
        return 100.0 * row / (depths - 1);
    }

    /** By length, depth, repetition; every case has a haystack of its own. */
    private List<EvalCase> cases(RulerTasks generator, RulerTask asked) {
        List<EvalCase> cases = new ArrayList<>();
        for (int length : lengths) {
            for (int row = 0; row < depths; row++) {
                for (int repetition = 0; repetition < count; repetition++) {
                    cases.add(generator.generateOne(
                            asked, length, row * count + repetition, options.seed(), new Placement.Depth(depth(row))));
                }
            }
        }
        return cases;
    }

    /** Dense first, then the variants. */
    private List<Heatmap> maps(List<PairedResult> results, List<PruneVariant> variants) {
        List<Heatmap> maps = new ArrayList<>();
        List<PairedResult> ofFirst = resultsOf(results, variants.get(0));
        maps.add(map("dense", ofFirst, result -> result.dense().score()));
        for (PruneVariant variant : variants) {
            maps.add(map(variant.label(), resultsOf(results, variant), result -> result.pruned()
                    .score()));
        }
        return maps;
    }

    private static List<PairedResult> resultsOf(List<PairedResult> results, PruneVariant variant) {
        return results.stream()
                .filter(result -> result.variant().equals(variant))
                .toList();
    }

    /** @param ordered in the order of {@link #cases} */
    private Heatmap map(String title, List<PairedResult> ordered, ToDoubleFunction<PairedResult> score) {
        double[][] scores = new double[depths][lengths.size()];
        List<Double> rows = new ArrayList<>();
        for (int row = 0; row < depths; row++) {
            rows.add(depth(row));
            for (int column = 0; column < lengths.size(); column++) {
                int from = (column * depths + row) * count;
                scores[row][column] = ordered.subList(from, from + count).stream()
                        .mapToDouble(score)
                        .average()
                        .orElse(Double.NaN);
            }
        }
        return new Heatmap(title, rows, lengths, scores);
    }
}
