package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.quality.ruler.Placement;
import io.sliminfer.benchmarks.quality.ruler.QuestionPlace;
import io.sliminfer.benchmarks.quality.ruler.RulerTask;
import io.sliminfer.benchmarks.quality.ruler.RulerTasks;
import io.sliminfer.benchmarks.quality.ruler.Style;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneStep;
import io.sliminfer.prune.UnitAggregation;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Compares ways of pruning on the same cases: every schedule with the engine's sizes, then the first schedule with one size, or the
 * aggregation, changed at a time, or with other budgets: fixed ones and masses. Dense prefill is asked once for each case and paired
 * with all of them.
 */
@Command(
        name = "ablate",
        description = "Compares schedules, blocks, units, windows, sinks, aggregations and budgets on the same cases.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class AblateCommand implements Callable<Integer> {

    private static final String SIZES = "sizes";
    private static final String BUDGETS = "budgets";

    @Mixin
    private QualityOptions options = new QualityOptions();

    @Option(
            names = "--tasks",
            split = ",",
            paramLabel = "TASK",
            defaultValue = "niah_single_2,niah_multikey_1,vt,qa",
            description = "Generated tasks (default: ${DEFAULT-VALUE}).")
    private List<String> tasks = List.of();

    @Option(
            names = "--lengths",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "4096",
            description = "Prompt and answer (default: ${DEFAULT-VALUE}).")
    private List<Integer> lengths = List.of();

    @Option(
            names = "--count",
            defaultValue = "10",
            description = "Cases of each task and length (default: ${DEFAULT-VALUE}).")
    private int count;

    @Option(
            names = "--schedule",
            paramLabel = "LAYER:BUDGET,...",
            description = "Schedules to compare; may be given several times; the engine's own by default.")
    private List<String> schedules = List.of(PruneVariant.OWN);

    @Option(
            names = "--vary",
            split = ",",
            paramLabel = "WHAT",
            defaultValue = "sizes",
            description =
                    "What to change of the first schedule: sizes (and aggregation), budgets, or both (default: ${DEFAULT-VALUE}).")
    private List<String> varied = List.of();

    @Option(
            names = "--scales",
            split = ",",
            paramLabel = "FACTOR",
            defaultValue = "0.5,1,2",
            description = "Of its budgets, with --vary budgets (default: ${DEFAULT-VALUE}).")
    private List<Double> scales = List.of();

    @Option(
            names = "--masses",
            split = ",",
            paramLabel = "SHARE",
            defaultValue = "0.5,0.7,0.9,0.95",
            description = "Of the score in place of its budgets, with --vary budgets (default: ${DEFAULT-VALUE}).")
    private List<Double> masses = List.of();

    @Option(
            names = "--range",
            paramLabel = "FLOOR-CEILING",
            defaultValue = "0.5-2",
            description = "Of the masses, as factors of its budgets (default: ${DEFAULT-VALUE}).")
    private String range = "0.5-2";

    @Option(
            names = "--blocks",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "16,32,128",
            description = "Block sizes beside the engine's (default: ${DEFAULT-VALUE}).")
    private List<Integer> blocks = List.of();

    @Option(
            names = "--units",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "1,2,4,16",
            description = "Unit sizes beside the engine's (default: ${DEFAULT-VALUE}).")
    private List<Integer> units = List.of();

    @Option(
            names = "--windows",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "16,32,128",
            description = "Windows beside the engine's (default: ${DEFAULT-VALUE}).")
    private List<Integer> windows = List.of();

    @Option(
            names = "--sinks",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "0,128",
            description = "Sinks beside the engine's (default: ${DEFAULT-VALUE}).")
    private List<Integer> sinks = List.of();

    @Option(
            names = "--aggregation",
            split = ",",
            paramLabel = "NAME",
            defaultValue = "mean",
            description =
                    "Ways from unit scores to block scores beside the engine's: max, mean, sum; mean and sum keep the same blocks (default: ${DEFAULT-VALUE}).")
    private List<String> aggregations = List.of();

    @Override
    public Integer call() {
        options.refuseOptionsBeforeCommand();
        options.requireAtLeast("--count", count, 1);
        lengths.forEach(length -> options.requireAtLeast("--lengths", length, 1));
        options.out();
        List<RulerTask> chosen = options.checked("--tasks", () -> RulerTask.parse(tasks));
        Set<String> vary = vary();
        Set<PruneVariant> variants = new LinkedHashSet<>(vary.contains(SIZES) ? sizeVariants() : scheduleVariants());
        BudgetVariants budgets = options.checked("--vary budgets", () -> BudgetVariants.of(scales, masses, range));
        Style style = options.style();
        QuestionPlace question = options.question();
        try (ModelUnderTest model = options.open()) {
            lengths.forEach(model::requireLength);
            if (vary.contains(BUDGETS)) {
                variants.addAll(options.checked("--schedule", () -> budgets.around(firstSteps(model))));
            }
            RulerTasks generator =
                    new RulerTasks(model.tokens(), style, question, List.of(), PruneSchedule.BLOCK_DEFAULT);
            List<EvalCase> cases = new ArrayList<>();
            for (RulerTask task : chosen) {
                for (int length : new LinkedHashSet<>(lengths)) {
                    cases.addAll(generator.generate(task, length, count, options.seed(), new Placement.Spread()));
                }
            }
            try (QualityRun run = new QualityRun(options, "ablation", model)) {
                PrintWriter stdout = options.command().getOut();
                List<PairedResult> results = run.run(cases, List.copyOf(variants));
                stdout.print(run.finish(
                        Summary.byVariant(results),
                        BudgetComparison.of(results, model.engine().pruning().schedule())));
                stdout.flush();
            }
        }
        return 0;
    }

    private Set<String> vary() {
        Set<String> vary = new LinkedHashSet<>(varied);
        for (String what : vary) {
            if (!what.equals(SIZES) && !what.equals(BUDGETS)) {
                throw options.refused("--vary " + what + " is unknown: use " + SIZES + ", " + BUDGETS + " or both");
            }
        }
        if (!vary.contains(SIZES)) {
            options.refuseUnread(
                    "without --vary sizes", "--blocks", "--units", "--windows", "--sinks", "--aggregation");
        }
        if (!vary.contains(BUDGETS)) {
            options.refuseUnread("without --vary budgets", "--scales", "--masses", "--range");
        }
        return vary;
    }

    private List<PruneStep> firstSteps(ModelUnderTest model) {
        String first = scheduleVariants().get(0).schedule();
        return first == null ? model.engine().pruning().schedule().steps() : PruneSchedule.parseSteps(first);
    }

    private List<PruneVariant> scheduleVariants() {
        return options.checked(
                "--schedule",
                () -> schedules.stream().map(PruneVariant::of).distinct().toList());
    }

    /** Each once, in the order of the table. */
    private List<PruneVariant> sizeVariants() {
        Set<PruneVariant> variants = new LinkedHashSet<>(scheduleVariants());
        String first = schedules.get(0);
        options.checked(
                "--blocks",
                () -> variants.addAll(blocks.stream()
                        .map(block -> new PruneVariant(
                                first, block, block < PruneSchedule.UNIT_DEFAULT ? block : null, null, null, null))
                        .toList()));
        options.checked(
                "--units",
                () -> variants.addAll(units.stream()
                        .map(unit -> new PruneVariant(first, null, unit, null, null, null))
                        .toList()));
        options.checked(
                "--windows",
                () -> variants.addAll(windows.stream()
                        .map(window -> new PruneVariant(first, null, null, window, null, null))
                        .toList()));
        options.checked(
                "--sinks",
                () -> variants.addAll(sinks.stream()
                        .map(sink -> new PruneVariant(first, null, null, null, sink, null))
                        .toList()));
        options.checked(
                "--aggregation",
                () -> variants.addAll(aggregations.stream()
                        .map(UnitAggregation::parse)
                        .map(aggregation -> new PruneVariant(first, null, null, null, null, aggregation))
                        .toList()));
        return List.copyOf(variants);
    }
}
