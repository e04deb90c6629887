package io.sliminfer.benchmarks.quality;

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

class LayersCommandTests {

    @TempDir
    private Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String arguments) {
        List<String> all = new ArrayList<>(List.of(arguments.split(" ")));
        all.addAll(List.of("--cache", folder.resolve("cache").toString()));
        return new CommandLine(new LayersCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(all.toArray(new String[0]));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--model synthetic:2b | --model: synthetic:2b is unknown",
                "--model synthetic:test --prompts 0 | --prompts 0 is not allowed",
                "--model synthetic:test --tokens 0 | --tokens 0 is not allowed",
                "--model synthetic:test --tokens 1024 | --tokens 1024 is not allowed: synthetic-test has 1024 positions",
                "--model synthetic:test --backend abacus | abacus"
            })
    void refusesBadArguments(String arguments, String message) {
        assertThat(run(arguments)).isEqualTo(2);
        assertThat(err.toString()).contains(message);
    }

    @Test
    void hasALineForEachLayerTheHeadAndAll() throws Exception {
        Path results = folder.resolve("results");

        int status = run("--model synthetic:test --backend cpu --prompts 2 --tokens 40 --out " + results);

        assertThat(status).as(err.toString()).isZero();
        List<JsonNode> lines;
        try (Stream<Path> files = Files.list(results)) {
            lines = JsonLines.read(files.findFirst().orElseThrow());
        }
        List<JsonNode> parts = lines.stream()
                .filter(line -> line.path("type").asString().equals("part"))
                .toList();
        assertThat(parts)
                .extracting(part -> part.path("part").asString())
                .startsWith("model.layers.0", "model.layers.1")
                .endsWith("output head", "all");
        assertThat(parts).allSatisfy(part -> assertThat(part.path("error").asDouble())
                .as(part.path("part").asString())
                .isBetween(1e-4, 0.1));
        assertThat(out.toString()).contains("synthetic-test, 2 prompts of 40 random tokens", "| output head");
    }
}
