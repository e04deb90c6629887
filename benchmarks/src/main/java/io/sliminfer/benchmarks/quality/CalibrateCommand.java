package io.sliminfer.benchmarks.quality;

import io.sliminfer.benchmarks.calibrate.Calibration;
import io.sliminfer.benchmarks.calibrate.CalibrationReport;
import io.sliminfer.benchmarks.calibrate.Candidate;
import io.sliminfer.benchmarks.quality.ruler.Placement;
import io.sliminfer.benchmarks.quality.ruler.RulerTask;
import io.sliminfer.benchmarks.quality.ruler.RulerTasks;
import io.sliminfer.benchmarks.report.Spread;
import io.sliminfer.engine.DefaultSchedule;
import io.sliminfer.engine.Engine;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.QuantisationErrors;
import io.sliminfer.format.CalibrationFile;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.prune.Budget;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneSizes;
import io.sliminfer.prune.PruneStep;
import io.sliminfer.prune.UnitAggregation;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of {@code calibrate}: finds a schedule for a model and writes it to {@code slim-infer.json}. */
@Command(
        name = CalibrateCommand.NAME,
        description = "Finds pruning schedules on the Pareto front of quality against FLOPs for a model.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
public final class CalibrateCommand implements Callable<Integer> {

    static final String NAME = "calibrate";

    /** Results are named after what they are. */
    private static final String RESULTS = "calibration";

    /** Candidate layers that are tried by default; deeper models are tried at evenly spaced ones. */
    private static final int LAYERS_DEFAULT_MAX = 12;

    /** Prompts that tell how 8 bits change the outputs of layers. */
    private static final int QUANTISATION_PROMPTS = 4;

    @Mixin
    private QualityOptions options = new QualityOptions();

    @Option(names = "--cases", paramLabel = "FILE.jsonl", description = "Own cases: messages, expected, task, length.")
    private @Nullable Path cases;

    @Option(
            names = "--tasks",
            split = ",",
            paramLabel = "TASK",
            defaultValue = "niah_single_2,niah_multikey_1,vt,qa",
            description = "Generated tasks without --cases (default: ${DEFAULT-VALUE}).")
    private List<String> tasks = List.of();

    @Option(
            names = "--lengths",
            split = ",",
            paramLabel = "TOKENS",
            defaultValue = "4096",
            description = "Prompt and answer of generated tasks (default: ${DEFAULT-VALUE}).")
    private List<Integer> lengths = List.of();

    @Option(
            names = "--count",
            defaultValue = "5",
            description = "Cases of each task and length (default: ${DEFAULT-VALUE}).")
    private int count;

    @Option(
            names = "--layers",
            split = ",",
            paramLabel = "LAYER",
            description = "Layers to try; all but the last by default, or 12 of them, evenly spaced.")
    private List<Integer> layers = List.of();

    @Option(
            names = "--shares",
            split = ",",
            paramLabel = "SHARE",
            defaultValue = "0.5,0.25,0.125",
            description = "Shares of the prompt to keep at each layer (default: ${DEFAULT-VALUE}).")
    private List<Double> shares = List.of();

    @Option(
            names = "--schedule",
            paramLabel = "LAYER:BUDGET,...",
            description =
                    "A schedule to measure beside the predicted ones, such as 4:p0.9:0.125-0.5; may be given several times.")
    private List<String> schedules = List.of();

    @Option(
            names = "--answer-tokens",
            defaultValue = "16",
            description = "First tokens of the answer that are compared (default: ${DEFAULT-VALUE}).")
    private int answerTokens;

    @Option(
            names = "--measured",
            defaultValue = "12",
            description = "Most schedules of the predicted front that are measured (default: ${DEFAULT-VALUE}).")
    private int measured;

    @Option(
            names = "--max-loss",
            paramLabel = "NATS",
            description =
                    "Most divergence from dense answers: the cheapest schedule within it is chosen; the knee by default.")
    private @Nullable Double lossMax;

    @Option(names = "--score", description = "Also scores the answers of the measured schedules, as quality does.")
    private boolean score;

    @Option(
            names = "--block",
            defaultValue = "64",
            paramLabel = "TOKENS",
            description = "Tokens in a block (default: ${DEFAULT-VALUE}).")
    private int block;

    @Option(
            names = "--unit",
            defaultValue = "8",
            paramLabel = "TOKENS",
            description = "Tokens scored together (default: ${DEFAULT-VALUE}).")
    private int unit;

    @Option(
            names = "--window",
            defaultValue = "64",
            paramLabel = "TOKENS",
            description = "Last tokens, whose queries score (default: ${DEFAULT-VALUE}).")
    private int window;

    @Option(
            names = "--sink",
            defaultValue = "64",
            paramLabel = "TOKENS",
            description = "First tokens, always kept (default: ${DEFAULT-VALUE}).")
    private int sink;

    @Option(
            names = "--aggregation",
            defaultValue = "max",
            paramLabel = "NAME",
            description = "Of unit scores to block scores: max, mean or sum (default: ${DEFAULT-VALUE}).")
    private String aggregation = "max";

    @Option(
            names = "--whole-above",
            defaultValue = "0.1",
            paramLabel = "ERROR",
            description =
                    "Linear layers whose outputs 8 bits would change by more (relative L2) are listed in the file and then"
                            + " not quantised; 0 measures none (default: ${DEFAULT-VALUE}).")
    private double wholeAbove;

    @Option(names = "--write", description = "Writes the chosen schedule to slim-infer.json in the model's folder.")
    private boolean write;

    @Option(names = "--out-file", paramLabel = "FILE", description = "Writes the chosen schedule to this file instead.")
    private @Nullable Path outFile;

    @Override
    public Integer call() {
        PruneSchedule sizes = checkedSizes();
        List<RulerTask> chosenTasks =
                cases == null ? options.checked("--tasks", () -> RulerTask.parse(tasks)) : List.of();
        Path target = target();
        try (ModelUnderTest model = options.open(PruneSettings.of(sizes, 0))) {
            List<Integer> candidates = candidateLayers(model.engine().model().layers());
            List<EvalCase> toAsk = cases == null ? generated(model, chosenTasks) : CaseFile.read(cases);
            try (QualityRun run = new QualityRun(options, RESULTS, model)) {
                calibrate(
                        model,
                        run,
                        sizes,
                        candidates,
                        others(sizes, model.engine().model().layers()),
                        toAsk,
                        target);
            }
        }
        return 0;
    }

    /** Refuses whatever can be refused before the model is loaded. */
    private PruneSchedule checkedSizes() {
        if (cases != null) {
            options.refuseUnread("with --cases", "--tasks", "--lengths", "--count", "--seed", "--style", "--question");
        }
        options.requireAtLeast("--count", count, 1);
        lengths.forEach(length -> options.requireAtLeast("--lengths", length, 1));
        layers.forEach(layer -> options.requireAtLeast("--layers", layer, 0));
        options.requireAtLeast("--answer-tokens", answerTokens, 1);
        options.requireAtLeast("--measured", measured, 1);
        if (!(wholeAbove >= 0)) {
            throw options.refused("--whole-above " + wholeAbove + " is not allowed: use 0 or more");
        }
        shares.forEach(share -> options.checked("--shares", () -> new Budget.Share(share)));
        if (lossMax != null && !(lossMax >= 0)) {
            throw options.refused("--max-loss " + lossMax + " is not allowed: use 0 or more");
        }
        options.checked(
                "--schedule",
                () -> schedules.stream().map(CalibrateCommand::steps).toList());
        options.out();
        options.style();
        options.question();
        UnitAggregation parsed = options.checked("--aggregation", () -> UnitAggregation.parse(aggregation));
        return options.checked(
                "--block, --unit, --window, --sink",
                () -> new PruneSizes(block, unit, window, sink, parsed).over(PruneSchedule.dense()));
    }

    /** Where the chosen schedule goes, or null. */
    private @Nullable Path target() {
        if (write && outFile != null) {
            throw options.refused("--write and --out-file both say where the schedule goes: leave one out");
        }
        if (outFile != null) {
            Path folder = outFile.toAbsolutePath().getParent();
            if (Files.isDirectory(outFile) || folder == null || !Files.isDirectory(folder)) {
                throw options.refused("--out-file " + outFile + " is not a file in a folder that is there");
            }
            return outFile;
        }
        if (write && !Files.isDirectory(options.model())) {
            throw options.refused("--write: " + options.model()
                    + " is no folder that a schedule is read from; name another place with --out-file");
        }
        if (write && !Files.isWritable(options.model())) {
            throw options.refused(
                    "--write: " + options.model() + " cannot be written; name another place with --out-file");
        }
        return write ? options.model().resolve(CalibrationFile.NAME) : null;
    }

    private List<Integer> candidateLayers(int modelLayers) {
        int most = Math.max(1, modelLayers - 1);
        if (layers.isEmpty()) {
            int tried = Math.min(most, LAYERS_DEFAULT_MAX);
            return IntStream.range(0, tried)
                    .map(i -> tried == 1 ? 0 : (int) Math.round(i * (most - 1.0) / (tried - 1)))
                    .boxed()
                    .toList();
        }
        for (int layer : layers) {
            if (layer >= modelLayers) {
                throw options.refused("--layers " + layer + ": there is no such layer; this model has layers 0.."
                        + (modelLayers - 1));
            }
        }
        return layers.stream().distinct().sorted().toList();
    }

    /** Schedules that are measured whatever is predicted: the default by depth and those of {@code --schedule}. */
    private List<List<PruneStep>> others(PruneSchedule sizes, int modelLayers) {
        List<List<PruneStep>> others = new ArrayList<>();
        others.add(DefaultSchedule.of(modelLayers).steps());
        for (String schedule : schedules) {
            others.add(options.checked("--schedule", () -> {
                PruneSchedule parsed = sizes.withSteps(steps(schedule));
                parsed.requireLayers(modelLayers);
                return parsed.steps();
            }));
        }
        return others;
    }

    private static List<PruneStep> steps(String schedule) {
        List<PruneStep> steps = PruneSchedule.parseSteps(schedule);
        if (steps.isEmpty()) {
            throw new IllegalArgumentException("an empty schedule prunes nothing: give steps such as 4:0.5");
        }
        return steps;
    }

    private List<EvalCase> generated(ModelUnderTest model, List<RulerTask> chosen) {
        lengths.forEach(model::requireLength);
        RulerTasks generator = new RulerTasks(model.tokens(), options.style(), options.question(), List.of(), block);
        List<EvalCase> generated = new ArrayList<>();
        for (RulerTask task : chosen) {
            for (int length : new LinkedHashSet<>(lengths)) {
                generated.addAll(generator.generate(task, length, count, options.seed(), new Placement.Spread()));
            }
        }
        return generated;
    }

    private void calibrate(
            ModelUnderTest model,
            QualityRun run,
            PruneSchedule sizes,
            List<Integer> candidates,
            List<List<PruneStep>> others,
            List<EvalCase> toAsk,
            @Nullable Path target) {
        Engine engine = model.engine();
        List<Calibration.Prompt> prompts = toAsk.stream()
                .map(asked -> new Calibration.Prompt(asked.id(), model.tokens().ids(asked.messages())))
                .toList();
        Calibration calibration = new Calibration(
                engine,
                sizes,
                prompts,
                answerTokens,
                (prompt, schedules, changes) -> run.write(CalibrationReport.caseLine(prompt, schedules, changes)),
                run::progress);
        List<Candidate> singles =
                calibration.sensitivity(candidates, shares.stream().distinct().toList());
        singles.forEach(single -> run.write(CalibrationReport.line("sensitivity", single)));
        List<Candidate> all = calibration.measureFront(singles, measured, others);
        List<Candidate> front = Calibration.front(all);
        for (Candidate candidate : all) {
            Map<String, Object> line = CalibrationReport.line("schedule", candidate);
            line.put("front", front.contains(candidate));
            run.write(line);
        }
        Candidate chosen = Calibration.choose(front, lossMax == null ? Double.NaN : lossMax);
        run.write(CalibrationReport.line("chosen", chosen));
        String text =
                "Change by a single step: divergence in nats over the first %d tokens, mean of %d prompts (same answers).\n\n"
                                .formatted(answerTokens, prompts.size())
                        + CalibrationReport.sensitivityTable(singles)
                        + "\nMeasured schedules, "
                        + "block %d, unit %d, window %d, sink %d, aggregation %s"
                                .formatted(
                                        sizes.block(), sizes.unit(), sizes.window(), sizes.sink(), sizes.aggregation())
                        + ".\n\n"
                        + CalibrationReport.scheduleTable(all, front, chosen);
        if (score) {
            List<Summary> summaries = Summary.byVariant(run.run(toAsk, variants(all)));
            summaries.forEach(summary -> run.write(summary.toMap()));
            text += "\nScores of the answers.\n\n" + Summary.table(summaries);
        }
        Map<String, Double> whole = new TreeMap<>();
        if (wholeAbove > 0) {
            Map<String, Double> errors = quantisationErrors(prompts);
            errors.forEach((layer, error) -> run.write(CalibrationReport.quantisationLine(layer, error)));
            errors.forEach((layer, error) -> {
                if (error > wholeAbove) {
                    whole.put(layer, Spread.rounded(error));
                }
            });
            text += CalibrationReport.quantisationText(errors, whole, wholeAbove);
        }
        PrintWriter stdout = options.command().getOut();
        stdout.print(run.finish(text));
        if (target != null) {
            file(engine, sizes, prompts, chosen, whole).write(target);
            stdout.println("\nwrote " + target + ": " + chosen.label());
        }
        stdout.flush();
    }

    /** Of the first prompts: layers differ more than prompts do. */
    private Map<String, Double> quantisationErrors(List<Calibration.Prompt> prompts) {
        try (ModelFolder folder = ModelFolder.open(options.model())) {
            return QuantisationErrors.measure(
                    folder,
                    options.backend(),
                    prompts.stream()
                            .limit(QUANTISATION_PROMPTS)
                            .map(Calibration.Prompt::tokens)
                            .toList());
        }
    }

    /** Their sizes are the engine's own. */
    private static List<PruneVariant> variants(List<Candidate> all) {
        return all.stream().map(candidate -> PruneVariant.of(candidate.label())).toList();
    }

    private static CalibrationFile file(
            Engine engine,
            PruneSchedule sizes,
            List<Calibration.Prompt> prompts,
            Candidate chosen,
            Map<String, Double> whole) {
        return new CalibrationFile(
                engine.model().layers(),
                engine.model().hidden(),
                sizes.withSteps(chosen.steps()),
                new CalibrationFile.Measured(
                        prompts.size(),
                        prompts.stream()
                                .mapToLong(prompt -> prompt.tokens().length)
                                .sum(),
                        Spread.rounded(chosen.change().divergence()),
                        Spread.rounded(chosen.change().agreement()),
                        Spread.rounded(1 - chosen.flopsShare())),
                whole);
    }
}
