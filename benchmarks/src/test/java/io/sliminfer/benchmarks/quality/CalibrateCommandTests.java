package io.sliminfer.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.engine.PruneDefaults;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.format.CalibrationFile;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.prune.PruneSchedule;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;

/** The command as users run it, on the tiny model. */
class CalibrateCommandTests {

    private static final String TWO_CASES =
            "--style tiny --tasks niah_single_2 --lengths 512 --count 2 --layers 2,6 --shares 0.5,0.25 --measured 3";

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(Path model, String arguments) {
        List<String> all = new ArrayList<>(List.of(arguments.split(" ")));
        all.addAll(List.of("--model", model.toString(), "--out", folder.toString()));
        return new CommandLine(new CalibrateCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setExecutionExceptionHandler((failure, command, parsed) -> {
                    err.append(failure.toString());
                    return 1;
                })
                .execute(all.toArray(new String[0]));
    }

    private List<JsonNode> lines(String type) {
        return JsonLines.read(folder.resolve("calibration.jsonl")).stream()
                .filter(line -> line.path("type").stringValue().equals(type))
                .toList();
    }

    private Path copyOfTheModel() throws IOException {
        Path copy = Files.createDirectory(folder.resolve("model"));
        try (Stream<Path> files = Files.list(TinyModel.folder())) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName().toString()));
            }
        }
        return copy;
    }

    @Test
    void findsAScheduleThatTheEngineTakes() throws IOException {
        Path model = copyOfTheModel();
        Files.writeString(model.resolve(CalibrationFile.NAME), "{\"of\": \"another age\"}");

        assertThat(run(model, TWO_CASES + " --write --score"))
                .as(err.toString())
                .isZero();

        assertThat(lines("sensitivity"))
                .extracting(line -> line.path("schedule").stringValue())
                .containsExactly("2:0.5", "2:0.25", "6:0.5", "6:0.25");
        assertThat(lines("sensitivity")).allSatisfy(line -> {
            assertThat(line.path("divergence").doubleValue()).isPositive();
            assertThat(line.path("agreement").doubleValue()).isBetween(0.0, 1.0);
            assertThat(line.path("flopsSavedShare").doubleValue()).isBetween(0.1, 0.8);
        });
        assertThat(lines("case")).as("two for each measurement and the scores").hasSize(6);
        assertThat(lines("schedule")).hasSizeBetween(2, 4);
        assertThat(lines("summary")).hasSameSizeAs(lines("schedule"));
        String chosen = lines("chosen").get(0).path("schedule").stringValue();
        assertThat(Files.readString(folder.resolve("calibration.md")))
                .contains("| Layer |", "| Schedule", "| " + chosen + " ", "Scores of the answers");
        assertThat(err.toString()).contains("sensitivity 2/2 niah_single_2-512", "dense and 4 schedules");

        try (ModelUnderTest loaded =
                ModelUnderTest.open(model, null, BackendSettings.defaults(), PruneSettings.defaults())) {
            PruneDefaults pruning = loaded.engine().pruning();
            assertThat(pruning.origin()).isEqualTo(PruneDefaults.Origin.CALIBRATED);
            assertThat(pruning.schedule().steps()).isEqualTo(PruneSchedule.parseSteps(chosen));
        }
    }

    @Test
    void measuresSchedulesThatAUserNamesAndWritesAnAdaptiveOne() throws IOException {
        Path file = folder.resolve("found.json");
        String adaptive = "2:p0.01:0.01-0.5";
        String arguments =
                "--style tiny --tasks niah_single_2 --lengths 512 --count 1 --layers 2 --shares 0.5 --measured 1"
                        + " --block 16 --window 16 --sink 16 --schedule 6:0.4 --schedule " + adaptive
                        + " --max-loss 1000 --out-file " + file;

        assertThat(run(TinyModel.folder(), arguments)).as(err.toString()).isZero();

        JsonNode line = lines("schedule").stream()
                .filter(candidate -> candidate.path("schedule").stringValue().equals(adaptive))
                .findFirst()
                .orElseThrow();
        JsonNode saved = line.path("flopsSavedShares");
        assertThat(saved.path("mean").doubleValue())
                .isEqualTo(line.path("flopsSavedShare").doubleValue());
        assertThat(saved.path("min").doubleValue())
                .as("nearly nothing is kept")
                .isGreaterThan(lines("schedule").stream()
                        .filter(other -> other.path("schedule").stringValue().equals("6:0.4"))
                        .findFirst()
                        .orElseThrow()
                        .path("flopsSavedShare")
                        .doubleValue());
        try (ModelFolder model = ModelFolder.open(TinyModel.folder())) {
            assertThat(CalibrationFile.read(file, model.config()).schedule().stepsText())
                    .as("the cheapest")
                    .isEqualTo(adaptive);
        }
    }

    @Test
    void takesTheCheapestScheduleWithinALoss() throws IOException {
        Path file = folder.resolve("found.json");
        String options = " --max-loss 1000 --block 32 --unit 4 --aggregation mean --out-file " + file;

        assertThat(run(TinyModel.folder(), TWO_CASES + options))
                .as(err.toString())
                .isZero();

        JsonNode cheapest = lines("schedule").stream()
                .filter(line -> line.path("front").booleanValue())
                .max((a, b) -> Double.compare(
                        a.path("flopsSavedShare").doubleValue(),
                        b.path("flopsSavedShare").doubleValue()))
                .orElseThrow();
        try (ModelFolder model = ModelFolder.open(TinyModel.folder())) {
            CalibrationFile written = CalibrationFile.read(file, model.config());
            assertThat(written.schedule().stepsText())
                    .isEqualTo(cheapest.path("schedule").stringValue());
            assertThat(written.schedule().block()).isEqualTo(32);
            assertThat(written.schedule().unit()).isEqualTo(4);
            assertThat(written.schedule().aggregation()).hasToString("mean");
            assertThat(written.measured()).isNotNull();
            assertThat(written.measured().prompts()).isEqualTo(2);
            assertThat(written.measured().flopsSavedShare())
                    .isEqualTo(cheapest.path("flopsSavedShare").doubleValue());
        }
    }

    @Test
    void readsOwnCasesAndRefusesThoseThatAreTooShortToPrune() throws IOException {
        Path cases = folder.resolve("own.jsonl");
        Files.writeString(
                cases,
                """
                {"id": "name", "task": "chat", "length": 64, "expected": ["Tiny"], "messages": [{"role": "user", "content": "Who are you?"}]}
                """);

        assertThat(run(TinyModel.folder(), "--cases " + cases)).isEqualTo(1);
        assertThat(err.toString()).contains("no prompt is long enough to be pruned: the longest has");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--shares 1.5 | --shares: a pruning budget of 1.5",
                "--schedule 4:p0.9 | --schedule: pruning schedule '4:p0.9': pruning budget 'p0.9' is no mass",
                "--layers -1 | --layers -1 is not allowed",
                "--answer-tokens 0 | --answer-tokens 0 is not allowed",
                "--measured 0 | --measured 0 is not allowed",
                "--max-loss -1 | --max-loss -1.0 is not allowed",
                "--max-loss NaN | --max-loss NaN is not allowed",
                "--unit 65 | --block, --unit, --window, --sink: pruning unit of 65",
                "--aggregation median | use max, mean, sum",
                "--tasks needle | --tasks: task",
                "--cases c --tasks vt | --tasks is of no use with --cases",
                "--write --out-file f.json | leave one out",
                "--out-file no-such-folder/f.json | is not a file in a folder that is there",
            })
    void refusesOptionsByName(String arguments, String message) {
        assertThat(run(Path.of("."), arguments)).isEqualTo(2);
        assertThat(err.toString()).contains(message);
    }

    @Test
    void writesNoScheduleBesideAGgufFile(@TempDir Path folder) throws IOException {
        Path file = Files.createFile(folder.resolve("model.gguf"));

        assertThat(run(file, "--write")).isEqualTo(2);
        assertThat(err.toString()).contains(file + " is no folder that a schedule is read from");
    }

    @Test
    void refusesALayerThatTheModelLacks() {
        assertThat(run(TinyModel.folder(), "--layers 99")).isEqualTo(2);
        assertThat(err.toString()).contains("--layers 99: there is no such layer");
    }
}
