package io.sliminfer.benchmarks.speed;

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

class OffloadCommandTests {

    @TempDir
    private Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--cache", folder.resolve("cache").toString()));
        return new CommandLine(new OffloadCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(all.toArray(new String[0]));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--model synthetic:2b | --model: synthetic:2b is unknown",
                "--model synthetic:test --prompt 1020 | --prompt 1020 is not allowed: use 1 to 1008",
                "--model synthetic:test --prompt 64 --share 1 | --share 1.0 is not allowed",
                "--model synthetic:test --prompt 64 --tokens 1 | --tokens 1 is not allowed",
                "--model synthetic:test --prompt 64 --prefetch-layers -1 | --prefetch-layers -1 is not allowed",
                "--model synthetic:test --prompt 64 --rounds 0 | --rounds 0 is not allowed"
            })
    void refusesBadArguments(String arguments, String message) {
        assertThat(run(arguments.split(" "))).isEqualTo(2);
        assertThat(err.toString()).contains(message);
    }

    @Test
    void comparesACappedEngineWithARoomyOne() throws Exception {
        Path results = folder.resolve("results");

        int status = run(
                ("--model synthetic:test --prompt 1000 --tokens 3 --rounds 2 --share 0.6 --out " + results).split(" "));

        assertThat(status).as(err.toString()).isZero();
        List<JsonNode> lines;
        try (Stream<Path> files = Files.list(results)) {
            lines = JsonLines.read(files.findFirst().orElseThrow());
        }
        assertThat(lines).hasSize(1 + 2 * 2);
        assertThat(lines.get(0).path("cappedKvBytes").asLong())
                .isEqualTo((long) (lines.get(0).path("denseKvBytes").asLong() * 0.6));
        for (JsonNode sample : lines.subList(1, lines.size())) {
            assertThat(sample.path("sameIds").asBoolean()).isTrue();
        }
        assertThat(lines.get(1).path("mode").asString()).isEqualTo("dense");
        assertThat(lines.get(1).path("bytesToHost").asLong()).isPositive();
        assertThat(out.toString()).contains("| 1000 dense").contains("yes").doesNotContain("| NO");
    }
}
