package io.sliminfer.benchmarks.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.benchmarks.report.JsonLines;
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

class ServeCommandTests {

    @TempDir
    private Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String arguments) {
        List<String> all = new ArrayList<>(List.of(arguments.split(" ")));
        all.addAll(List.of("--cache", folder.resolve("cache").toString()));
        return new CommandLine(new ServeCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(all.toArray(new String[0]));
    }

    private static List<JsonNode> ofType(List<JsonNode> lines, String type) {
        return lines.stream()
                .filter(line -> line.path("type").asString().equals(type))
                .toList();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--callers 1 | --model is missing",
                "--model synthetic:2b | --model: synthetic:2b is unknown",
                "--model synthetic:test --callers 0 | --callers 0",
                "--model synthetic:test --callers 2,2 | --callers [2, 2] has a number twice",
                "--model synthetic:test --prompt 1020 | --prompt 1020 with --tokens 128 is too long",
                "--model synthetic:test --schedule 4 | --schedule",
                "--model synthetic:test --temperature -1 | --temperature -1.0 is not allowed",
                "--model synthetic:test --prefill-slice 0 | --prefill-slice 0"
            })
    void refusesBadArguments(String arguments, String message) {
        assertThat(run(arguments)).isEqualTo(2);
        assertThat(err.toString()).contains(message);
    }

    @Test
    void callersGetTheAnswersThatPromptsGetAlone() throws Exception {
        Path results = folder.resolve("results");

        int status =
                run("--model synthetic:test --backend java --callers 1,5 --rounds 2 --seconds 1 --warm-up 1 --prompt 64"
                        + " --prompts 3 --tokens 6 --temperature 0.8 --batch-max 3 --queue-capacity 1 --out "
                        + results);

        assertThat(status).as(err + "\n" + out).isZero();
        List<JsonNode> lines;
        try (Stream<Path> files = Files.list(results)) {
            lines = JsonLines.read(files.findFirst().orElseThrow());
        }
        List<JsonNode> samples = ofType(lines, "sample");
        assertThat(samples).hasSize(4);
        for (JsonNode sample : samples) {
            assertThat(sample.path("differing").asInt()).isZero();
            assertThat(sample.path("failed").asInt()).isZero();
            assertThat(sample.path("requests").asInt()).isPositive();
            assertThat(sample.path("tokensPerSecond").asDouble()).isPositive();
            assertThat(sample.path("ttftMillisP99").asDouble())
                    .isGreaterThanOrEqualTo(sample.path("ttftMillisP50").asDouble());
        }
        assertThat(samples.get(1).path("refused").asInt())
                .as("five callers where three run and one waits")
                .isPositive();
        assertThat(samples.get(1).path("decodeBatch").asDouble()).isBetween(1.0, 3.0);
        assertThat(ofType(lines, "summary")).hasSize(2);
        assertThat(ofType(lines, "ratio")
                        .get(0)
                        .path("tokensPerSecond")
                        .path("median")
                        .asDouble())
                .isPositive();
        assertThat(ofType(lines, "leftovers").get(0).path("wrong")).isEmpty();
        assertThat(out.toString())
                .contains("| 5 ")
                .contains("Throughput of 5 callers by that of 1")
                .contains("Left when idle: 0 KV slots");
        StringWriter again = new StringWriter();
        try (Stream<Path> files = Files.list(results)) {
            String file = files.findFirst().orElseThrow().toString();
            new CommandLine(new ServeCommand()).setOut(new PrintWriter(again)).execute("--table", file);
        }
        assertThat(again).hasToString(out.toString());
    }

    @Test
    void failsWhereThroughputIsTooLow() {
        int status =
                run("--model synthetic:test --backend java --callers 1,2 --rounds 1 --seconds 1 --warm-up 0 --prompt 16"
                        + " --prompts 1 --tokens 4 --min-ratio 100");

        assertThat(status).isEqualTo(1);
        assertThat(err.toString())
                .contains("WRONG: throughput of 2 callers is ")
                .contains("less than 100.00");
    }
}
