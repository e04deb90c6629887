package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.quality.longbench.LongBenchFiles;
import io.sliminfer.benchmarks.quality.longbench.Prompts;
import io.sliminfer.benchmarks.quality.ruler.Passage;
import io.sliminfer.benchmarks.quality.ruler.Placement;
import io.sliminfer.benchmarks.quality.ruler.QuestionPlace;
import io.sliminfer.benchmarks.quality.ruler.RulerTask;
import io.sliminfer.benchmarks.quality.ruler.RulerTasks;
import io.sliminfer.benchmarks.quality.ruler.Style;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.UnitAggregation;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of {@code quality}: cases from generated tasks, a file or LongBench, each answered densely and pruned. */
@Command(
        name = QualityCommand.NAME,
        description = "Measures what pruning costs in quality: the same prompts dense and pruned.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        subcommands = {HeatmapCommand.class, AblateCommand.class})
public final class QualityCommand implements Callable<Integer> {

    static final String NAME = "quality";

    @Mixin
    private QualityOptions options = new QualityOptions();

    @Option(
            names = "--tasks",
            split = ",",
            paramLabel = "TASK",
            description =
                    "Generated tasks: all, ruler, niah or names such as niah_single_2; with --longbench its tasks.")
    private List<String> tasks = List.of();

    @Option(names = "--cases", paramLabel = "FILE.jsonl", description = "Own cases: messages, expected, task, length.")
    private @Nullable Path cases;

    @Option(
            names = "--longbench",
            paramLabel = "FILE|DIR",
            description = "LongBench's published files, named TASK.jsonl.")
    private @Nullable Path longBench;

    @Option(
            names = "--longbench-prompts",
            paramLabel = "FILE.json",
            description = "LongBench's config/dataset2prompt.json; our own wording by default.")
    private @Nullable Path longBenchPrompts;

    @Option(
            names = "--lengths",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "1024,4096",
            description = "Prompt and answer of generated tasks (default: ${DEFAULT-VALUE}).")
    private List<Integer> lengths = List.of();

    @Option(
            names = "--count",
            defaultValue = "10",
            description =
                    "Cases of each task and length, or most of each LongBench file, 0 there for all (default: ${DEFAULT-VALUE}).")
    private int count;

    @Option(
            names = "--place",
            split = ",",
            paramLabel = "PLACE",
            defaultValue = "spread",
            description =
                    "Of the needle: spread, edge, sink, window or a depth in percent (default: ${DEFAULT-VALUE}).")
    private List<String> places = List.of();

    @Option(
            names = "--passages",
            paramLabel = "FILE.jsonl",
            description = "What task qa asks about: text, question, answers; drawn by default.")
    private @Nullable Path passages;

    @Option(
            names = "--schedule",
            paramLabel = "LAYER:BUDGET,...",
            description =
                    "How to prune, such as 4:0.5,8:0.25 or 4:p0.9:0.25-1.0; may be given several times; the engine's own by default.")
    private List<String> schedules = List.of();

    @Option(names = "--block", paramLabel = "TOKENS", description = "Tokens in a block.")
    private @Nullable Integer block;

    @Option(names = "--unit", paramLabel = "TOKENS", description = "Tokens scored together.")
    private @Nullable Integer unit;

    @Option(names = "--window", paramLabel = "TOKENS", description = "Last tokens, whose queries score.")
    private @Nullable Integer window;

    @Option(names = "--sink", paramLabel = "TOKENS", description = "First tokens, always kept.")
    private @Nullable Integer sink;

    @Option(
            names = "--aggregation",
            paramLabel = "NAME",
            description = "Of unit scores to block scores: max, mean or sum.")
    private @Nullable String aggregation;

    @Option(
            names = "--max-tokens",
            paramLabel = "TOKENS",
            description = "Most prompt and answer tokens of LongBench; what the model takes by default.")
    private @Nullable Integer maxTokens;

    @Override
    public Integer call() {
        requireOneSource();
        options.out();
        List<PruneVariant> variants = variants();
        List<Placement> placements = options.checked(
                "--place",
                () -> places.stream().map(Placement::parse).distinct().toList());
        List<RulerTask> rulerTasks = cases == null && longBench == null
                ? options.checked("--tasks", () -> RulerTask.parse(tasks))
                : List.of();
        if (!rulerTasks.contains(RulerTask.QA)) {
            options.refuseUnread("without task qa", "--passages");
        }
        List<Passage> given =
                passages == null ? List.of() : options.checked("--passages", () -> Passage.read(passages));
        Style style = options.style();
        QuestionPlace question = options.question();
        try (ModelUnderTest model = options.open()) {
            List<EvalCase> toAsk;
            if (cases != null) {
                toAsk = CaseFile.read(cases);
            } else if (longBench != null) {
                toAsk = longBench(model);
            } else {
                RulerTasks generator = new RulerTasks(
                        model.tokens(), style, question, given, block == null ? PruneSchedule.BLOCK_DEFAULT : block);
                toAsk = generated(generator, rulerTasks, placements, model);
            }
            try (QualityRun run = new QualityRun(options, NAME, model)) {
                List<PairedResult> results = run.run(toAsk, variants);
                print(run.finish(
                        Summary.of(results),
                        BudgetComparison.of(results, model.engine().pruning().schedule())));
            }
        }
        return 0;
    }

    private void requireOneSource() {
        if (cases == null && longBench == null && tasks.isEmpty()) {
            throw options.refused("nothing to ask: give --tasks, --cases or --longbench");
        }
        if (cases != null && (longBench != null || !tasks.isEmpty())) {
            throw options.refused("--cases stands alone: leave out " + (longBench != null ? "--longbench" : "--tasks"));
        }
        if (longBench == null) {
            options.refuseUnread("without --longbench", "--longbench-prompts", "--max-tokens");
        }
        if (cases != null) {
            options.refuseUnread("with --cases", "--count");
        }
        if (cases != null || longBench != null) {
            options.refuseUnread(
                    "with cases from files", "--lengths", "--place", "--passages", "--seed", "--style", "--question");
        }
        options.requireAtLeast("--count", count, longBench == null ? 1 : 0);
        lengths.forEach(length -> options.requireAtLeast("--lengths", length, 1));
    }

    private List<PruneVariant> variants() {
        return options.checked("--schedule", () -> (schedules.isEmpty() ? List.of(PruneVariant.OWN) : schedules)
                .stream()
                        .map(schedule -> new PruneVariant(
                                schedule,
                                block,
                                unit,
                                window,
                                sink,
                                aggregation == null ? null : UnitAggregation.parse(aggregation)))
                        .distinct()
                        .toList());
    }

    private List<EvalCase> generated(
            RulerTasks generator, List<RulerTask> chosen, List<Placement> placements, ModelUnderTest model) {
        lengths.forEach(model::requireLength);
        List<EvalCase> generated = new ArrayList<>();
        for (RulerTask task : chosen) {
            for (int length : new LinkedHashSet<>(lengths)) {
                for (Placement place : placements) {
                    generated.addAll(generator.generate(task, length, count, options.seed(), place));
                }
            }
        }
        return generated;
    }

    private List<EvalCase> longBench(ModelUnderTest model) {
        Prompts prompts = longBenchPrompts == null ? Prompts.own() : Prompts.read(longBenchPrompts);
        int positions = maxTokens == null ? model.positions() : Math.min(maxTokens, model.positions());
        return new LongBenchFiles(model.tokens(), prompts, positions)
                .read(Objects.requireNonNull(longBench), tasks, count);
    }

    private void print(String text) {
        PrintWriter stdout = options.command().getOut();
        stdout.print(text);
        stdout.flush();
    }
}
