package io.sliminfer.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.benchmarks.report.JsonLines;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;

/** The command as users run it, on the tiny model. */
class QualityCommandTests {

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        return new CommandLine(new QualityCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setExecutionExceptionHandler((failure, command, parsed) -> {
                    err.append(failure.getMessage());
                    return 1;
                })
                .execute(arguments);
    }

    private int runWithModel(String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--model", TinyModel.folder().toString(), "--out", folder.toString()));
        if (!all.contains("--cases")) {
            all.addAll(List.of("--style", "tiny"));
        }
        return run(all.toArray(new String[0]));
    }

    private List<JsonNode> lines(String name, String type) {
        return JsonLines.read(folder.resolve(name)).stream()
                .filter(line -> line.path("type").stringValue().equals(type))
                .toList();
    }

    @Test
    void answersGeneratedTasksDenselyAndPruned() throws IOException {
        int exit =
                runWithModel("--tasks", "niah_single_2,qa", "--lengths", "1024", "--count", "1", "--schedule", "4:0.5");

        assertThat(err.toString()).contains("2/2 qa-1024-spread-0");
        assertThat(exit).isZero();
        assertThat(lines("quality.jsonl", "run")).hasSize(1);
        List<JsonNode> cases = lines("quality.jsonl", "case");
        assertThat(cases).hasSize(2);
        for (JsonNode line : cases) {
            assertThat(line.path("promptTokens").intValue()).isBetween(820, 960);
            assertThat(line.path("dense").path("answer").stringValue()).isNotEmpty();
            assertThat(line.path("dense").path("prunedShare").doubleValue()).isZero();
            assertThat(line.path("dense").path("ttftMillis").doubleValue()).isPositive();
            JsonNode pruned = line.path("pruned").get(0);
            assertThat(pruned.path("variant").stringValue()).isEqualTo("4:0.5");
            assertThat(pruned.path("prunedShare").doubleValue()).isBetween(0.2, 0.5);
        }
        assertThat(cases.get(0).path("dense").path("score").doubleValue())
                .as("the model copies a number from 1,000 tokens")
                .isEqualTo(1);
        assertThat(lines("quality.jsonl", "summary")).hasSize(3);
        String table = Files.readString(folder.resolve("quality.md"));
        assertThat(out.toString()).isEqualTo(table);
        assertThat(table)
                .contains("slim-infer-tiny")
                .containsPattern("\\| all +\\| +all \\| +4:0.5 \\| +2 \\|")
                .contains("| niah_single_2 ");
    }

    @Test
    void answersOwnCases() throws IOException {
        Path cases = folder.resolve("own.jsonl");
        Files.writeString(
                cases,
                """
                {"id": "name", "task": "chat", "length": 64, "expected": ["SlimInfer Tiny"], "messages": [{"role": "user", "content": "Who are you?"}]}
                """);

        assertThat(runWithModel("--cases", cases.toString())).isZero();

        JsonNode line = lines("quality.jsonl", "case").get(0);
        assertThat(line.path("id").stringValue()).isEqualTo("name");
        assertThat(line.path("dense").path("score").doubleValue()).isEqualTo(1);
        assertThat(line.path("pruned").get(0).path("variant").stringValue()).isEqualTo("default");
    }

    @Test
    void drawsAHeatMap() throws IOException {
        int exit = runWithModel("heatmap", "--lengths", "512", "--depths", "2", "--schedule", "4:0.5");

        assertThat(exit).as(err.toString()).isZero();
        assertThat(ImageIO.read(folder.resolve("heatmap.png").toFile()).getHeight())
                .isGreaterThan(100);
        assertThat(lines("heatmap.jsonl", "cell"))
                .hasSize(4)
                .allSatisfy(cell -> assertThat(cell.path("score").doubleValue()).isBetween(0.0, 1.0));
        assertThat(lines("heatmap.jsonl", "case"))
                .extracting(line -> line.path("place").stringValue())
                .containsExactly("0.0", "100.0");

        byte[] drawn = Files.readAllBytes(folder.resolve("heatmap.png"));
        Path again = folder.resolve("again");
        assertThat(run("heatmap", "--from", folder.resolve("heatmap.jsonl").toString(), "--out", again.toString()))
                .as(err.toString())
                .isZero();
        assertThat(again.resolve("heatmap.png")).as("drawn again").hasBinaryContent(drawn);
    }

    @Test
    void recordsAHeatMapWithoutDrawingIt() {
        int exit = runWithModel("heatmap", "--lengths", "512", "--depths", "2", "--schedule", "4:0.5", "--no-image");

        assertThat(exit).as(err.toString()).isZero();
        assertThat(folder.resolve("heatmap.png")).doesNotExist();
        assertThat(lines("heatmap.jsonl", "cell")).hasSize(4).allSatisfy(cell -> assertThat(
                        cell.path("title").stringValue())
                .startsWith("niah_single_2, question after, slim-infer-tiny"));
    }

    @Test
    void comparesWaysOfPruning() throws IOException {
        String sizes = "--blocks 4,32 --units 1 --windows 32 --sinks 0 --aggregation sum";
        int exit = runWithModel(
                ("ablate --tasks niah_single_2 --lengths 512 --count 1 --schedule 4:0.5 " + sizes).split(" "));

        assertThat(exit).as(err.toString()).isZero();
        assertThat(lines("ablation.jsonl", "summary"))
                .extracting(line -> line.path("variant").stringValue())
                .containsExactly(
                        "4:0.5",
                        "4:0.5 block=4 unit=4",
                        "4:0.5 block=32",
                        "4:0.5 unit=1",
                        "4:0.5 window=32",
                        "4:0.5 sink=0",
                        "4:0.5 aggregation=sum");
        assertThat(Files.readString(folder.resolve("ablation.md"))).contains("4:0.5 block=32");
    }

    @Test
    void comparesMassesWithFixedBudgets() throws IOException {
        String arguments = "ablate --vary budgets --tasks niah_single_2,qa --lengths 512 --count 1 --schedule 4:0.5"
                + " --scales 0.5,1 --masses 0.5 --range 0.5-1.5";

        int exit = runWithModel(arguments.split(" "));

        assertThat(exit).as(err.toString()).isZero();
        assertThat(lines("ablation.jsonl", "summary"))
                .extracting(line -> line.path("variant").stringValue())
                .containsExactly("4:0.5", "4:0.25", "4:p0.5:0.25-0.75");
        assertThat(lines("ablation.jsonl", "case")).allSatisfy(line -> {
            JsonNode mass = line.path("pruned").get(2);
            assertThat(mass.path("keptShares").get(0).doubleValue()).isBetween(0.15, 0.75);
        });
        JsonNode comparison = lines("ablation.jsonl", "comparison").get(0);
        assertThat(comparison.path("variant").stringValue()).isEqualTo("4:p0.5:0.25-0.75");
        JsonNode shares = comparison.path("prunedShares");
        assertThat(shares.path("mean").doubleValue())
                .isBetween(shares.path("min").doubleValue(), shares.path("max").doubleValue());
        assertThat(Files.readString(folder.resolve("ablation.md")))
                .contains("| Adaptive schedule", "| Fixed at the same cost")
                .containsPattern("\\| +Kept \\|");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "--out o | nothing to ask: give --tasks, --cases or --longbench",
                "--tasks vt --out o | --model is missing",
                "--tasks vt --model . | --out is missing",
                "--tasks vt --cases c --model . --out o | --cases stands alone",
                "--tasks vt --max-tokens 9 --model . --out o | --max-tokens is of no use without --longbench",
                "--tasks needle --model . --out o | --tasks: task \"needle\" is unknown",
                "--tasks vt --place up --model . --out o | --place: place \"up\" is unknown",
                "--tasks vt --count 0 --model . --out o | --count 0 is not allowed",
                "--tasks vt --lengths 0 --model . --out o | --lengths 0 is not allowed",
                "--tasks vt --style short --model . --out o | --style short is unknown: use ruler or tiny",
                "--tasks vt --schedule 4 --model . --out o | --schedule: pruning schedule '4'",
                "--tasks vt --aggregation best --model . --out o | pruning aggregation 'best' is unknown: use max, mean, sum",
                "--tasks vt --block 0 --model . --out o | pruning block of 0 tokens is not allowed",
                "--tasks vt --model no-such-folder --out o | --model no-such-folder is neither a folder nor a GGUF file",
                "--tasks vt --model pom.xml --out o | --model pom.xml is neither a folder nor a GGUF file",
                "--cases c --lengths 64 --model . --out o | --lengths is of no use with cases from files",
                "--cases c --count 3 --model . --out o | --count is of no use with --cases",
                "--longbench c --place 50 --model . --out o | --place is of no use with cases from files",
                "--tasks vt --passages p --model . --out o | --passages is of no use without task qa",
                "--count 3 heatmap --model . --out o | --count stands before heatmap",
                "heatmap --task cwe --model . --out o | --task cwe is not one task with needles",
                "heatmap --from f --model . --out o | --model is of no use with --from",
                "heatmap --from f --no-image --out o | --no-image is of no use with --from",
                "heatmap --from f | --out is missing",
                "heatmap --from no-such-file --out o | --from: no-such-file cannot be read",
                "ablate --vary depth --model . --out o | --vary depth is unknown: use sizes, budgets or both",
                "ablate --masses 0.5 --model . --out o | --masses is of no use without --vary budgets",
                "ablate --vary budgets --blocks 32 --model . --out o | --blocks is of no use without --vary sizes",
                "ablate --vary budgets --masses 2 --model . --out o | a pruning mass of 2.0 is not allowed",
                "ablate --vary budgets --range 2 --model . --out o | --range 2 is not FLOOR-CEILING",
                "--tasks vt --schedule 4:p0.9 --model . --out o | pruning budget 'p0.9' is no mass"
            })
    void refusesOptionsByName(String arguments, String message) {
        assertThat(run(arguments.split(" "))).isEqualTo(2);
        assertThat(err.toString()).contains(message);
    }

    @Test
    void refusesALengthThatTheModelDoesNotTake() {
        assertThat(runWithModel("--tasks", "vt", "--lengths", "20000", "--count", "1"))
                .isEqualTo(1);
        assertThat(err.toString()).contains("--lengths 20000 is too long: slim-infer-tiny", "takes 16384 tokens here");
    }
}
