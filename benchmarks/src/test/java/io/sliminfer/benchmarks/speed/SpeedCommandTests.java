package io.sliminfer.benchmarks.speed;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.benchmarks.report.JsonLines;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;

class SpeedCommandTests {

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--cache", folder.resolve("cache").toString()));
        return new CommandLine(new SpeedCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(all.toArray(new String[0]));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "--rounds 2 | --model is missing",
                "--model synthetic:2b | --model: synthetic:2b is unknown",
                "--model no-such-folder | --model: no-such-folder does not exist",
                "--model synthetic:test --prompt 1000 | --prompt 1000 with --tokens 32 is too long: synthetic-test has 1024",
                "--model synthetic:test --prompt 0 | --prompt 0 is not allowed: use 1 or more",
                "--model synthetic:test --prompt 64,64 | --prompt [64, 64] has a length twice",
                "--model synthetic:test --prompt 64,x | Invalid value for option '--prompt'",
                "--model synthetic:test --mode dense,sparse | --mode dense,sparse: 'sparse' is unknown; there are dense, pruned",
                "--model synthetic:test --mode dense,dense | 'dense' is named twice",
                "--model synthetic:test --rounds 0 | --rounds 0 is not allowed",
                "--model synthetic:test --warm-up -1 | --warm-up -1 is not allowed",
                "--model synthetic:test --tokens 0 | --tokens 0 is not allowed",
                "--model synthetic:test --threads -1 | --threads -1 is not allowed",
                "--model synthetic:test --backend tpu | --backend tpu is unknown: there are cpu",
                "--model synthetic:test --compute f64 | --compute f64 is unknown: use f32, f16, bf16 or auto",
                "--model synthetic:test --prompt 64 --schedule 4:0.5 | --schedule: pruning schedule 4:0.5: there is no layer 4",
                "--model synthetic:test --prompt 64 --schedule 1 | --schedule: pruning schedule '1'",
                "--model synthetic:test --baseline gemm,none | --baseline gemm,none: none stands alone",
                "--model synthetic:test --baseline mkl | --baseline mkl: 'mkl' is unknown; there are gemm, llama, jlama",
                "--model synthetic:test --llama-gguf x.gguf | --llama-gguf is of no use without --baseline llama",
                "--model synthetic:test --baseline llama --llama-gguf x.gguf | --llama-gguf x.gguf is not a file",
                "--model synthetic:test --baseline jlama | --baseline jlama needs --jlama-classpath",
                "--model synthetic:test --baseline jlama --jlama-classpath no-such/* | --jlama-classpath: no-such/* does not exist",
                "--model synthetic:test --jlama-classpath x.jar | --jlama-classpath is of no use without --baseline jlama",
                "--model synthetic:test --jlama-java java | --jlama-java is of no use without --baseline jlama",
                "--model synthetic:test --baseline jlama --jlama-classpath . --jlama-java no-java | --jlama-java no-java is not a program",
                "--model synthetic:test --peer-timeout 0 | --peer-timeout 0 is not allowed",
                "--model synthetic:test --weights bf16,int4 | --weights: int4 is unknown: use auto, bf16, int8",
                "--model synthetic:test --cold --tokens 4 | --tokens is of no use with --cold",
                "--model synthetic:test --cold --warm-up 1 | --warm-up is of no use with --cold",
                "--model synthetic:test --cold --prompt 64,128 | --prompt [64, 128]: --cold takes one length",
                "--model synthetic:test --cold --baseline gemm | --baseline gemm has no cold start",
                "--model synthetic:test --weight-cache x | --weight-cache is of no use without --cold",
                "--model synthetic:test --cold --weights bf16 --weight-cache x | --weight-cache is of no use with --weights bf16",
                "--model synthetic:test --cold --weight-cache no/such | --weight-cache: its parent is no folder",
                "--table no-such.jsonl | --table: no-such.jsonl cannot be read"
            })
    void refusesBadArgumentsBeforeAnythingIsWritten(String arguments, String message) {
        int status = run(arguments.split(" "));

        assertThat(status).isEqualTo(2);
        assertThat(err.toString()).contains(message);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void refusesAFileWhereAFolderIsExpected() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "");

        assertThat(run("--model", "synthetic:test", "--prompt", "64", "--out", file.toString()))
                .isEqualTo(2);
        assertThat(err.toString()).contains("--out " + file + " is not a folder");
    }

    @Test
    void measuresEveryVariantInEveryRound() throws Exception {
        int status = run(
                "--model synthetic:test --prompt 256,512 --rounds 2 --tokens 4 --threads 1 --out".split(" "),
                folder.resolve("results"));

        assertThat(status).as(err.toString()).isZero();
        Path file = onlyFile(folder.resolve("results"));
        assertThat(file.getFileName().toString()).matches("speed-synthetic-test-\\d{4}-\\d{2}-\\d{2}\\.jsonl");
        List<JsonNode> lines = JsonLines.read(file);
        assertThat(lines.get(0).path("type").asString()).isEqualTo("run");
        assertThat(variants(lines, "sample"))
                .as("interleaved, oneDNN in the same round")
                .startsWith("256 dense", "256 pruned", "256 gemm", "512 dense", "512 pruned", "512 gemm", "256 dense")
                .hasSize(12);
        assertThat(variants(lines, "summary"))
                .containsExactly("256 dense", "256 pruned", "256 gemm", "512 dense", "512 pruned", "512 gemm");
    }

    @Test
    void letsFormsOfWeightsTakeTurns() throws Exception {
        int status = run(
                "--model synthetic:test --prompt 64 --rounds 1 --tokens 2 --weights auto,bf16 --baseline none --out"
                        .split(" "),
                folder.resolve("results"));

        assertThat(status).as(err.toString()).isZero();
        List<JsonNode> lines = JsonLines.read(onlyFile(folder.resolve("results")));
        assertThat(variants(lines, "sample"))
                .containsExactly("64 dense auto", "64 dense bf16", "64 pruned auto", "64 pruned bf16");
        JsonNode sample = lines.get(1);
        assertThat(sample.path("weightsAndKvBytes").asLong())
                .as("weights of 181 K parameters in bf16 or float32, and KV")
                .isGreaterThan(2 * 180_000L + sample.path("kvBytes").asLong());
    }

    @Test
    void passesTheEnginesRefusalOnWithTheNameOfTheOption() {
        int status = run("--model synthetic:test --prompt 64 --backend java --weights int8".split(" "));

        assertThat(status).isEqualTo(2);
        assertThat(err.toString()).contains("--weights int8");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void measuresTheFirstAnswerAfterStart() throws Exception {
        int status = run("--model synthetic:test --cold --rounds 2 --out".split(" "), folder.resolve("results"));

        assertThat(status).as(err.toString()).isZero();
        Path file = onlyFile(folder.resolve("results"));
        assertThat(file.getFileName().toString()).startsWith("cold-synthetic-test-");
        List<JsonNode> lines = JsonLines.read(file);
        assertThat(variants(lines, "sample")).containsExactly("512 dense", "512 dense");
        assertThat(lines.get(1).path("firstTokenSeconds").asDouble())
                .as("start, load and prefill")
                .isGreaterThan(lines.get(1).path("readySeconds").asDouble()
                        + lines.get(1).path("ttftSeconds").asDouble() / 2);
        assertThat(out.toString()).contains("| First answer after start ").contains("| 512 dense ");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void measuresAStartFromAFilledCacheToo() throws Exception {
        Path cache = folder.resolve("packed");
        int status = run(
                ("--model synthetic:test --cold --rounds 1 --weights int8 --weight-cache " + cache + " --out")
                        .split(" "),
                folder.resolve("results"));

        assertThat(status).as(err.toString()).isZero();
        assertThat(variants(JsonLines.read(onlyFile(folder.resolve("results"))), "sample"))
                .containsExactly("512 dense", "512 dense from cache");
        assertThat(cache).isDirectoryRecursivelyContaining("glob:**.int8");
    }

    @Test
    void tellsWhatEachPromptCost() throws Exception {
        run(
                "--model synthetic:test --prompt 512 --rounds 1 --tokens 4 --baseline none --out".split(" "),
                folder.resolve("results"));

        List<JsonNode> samples = JsonLines.read(onlyFile(folder.resolve("results"))).stream()
                .filter(line -> line.path("type").asString().equals("sample"))
                .toList();
        JsonNode dense = samples.get(0);
        JsonNode pruned = samples.get(1);
        for (JsonNode sample : samples) {
            assertThat(sample.path("generatedTokens").asInt()).isEqualTo(4);
            assertThat(sample.path("ttftSeconds").asDouble()).isPositive();
            assertThat(sample.path("decodeMillisPerToken").asDouble()).isPositive();
            assertThat(sample.path("gflopsPerSecond").asDouble()).isPositive();
            assertThat(sample.path("promptTokensPerSecond").asDouble()
                            * sample.path("ttftSeconds").asDouble())
                    .isCloseTo(512, org.assertj.core.data.Percentage.withPercentage(0.1));
        }
        assertThat(dense.path("prunedShare").asDouble()).isZero();
        // 4 layers: after layer 1 a quarter of 512 tokens stays (protected ones are less), after layer 2 an eighth, of
        // which
        // sink and window alone make a quarter: (0 + 0 + 0.75 + 0.75) / 4.
        assertThat(pruned.path("prunedShare").asDouble()).isEqualTo(0.375);
        assertThat(pruned.path("flopsSavedShare").asDouble()).isBetween(0.3, 0.5);
        assertThat(pruned.path("kvBytes").asLong())
                .isLessThan(dense.path("kvBytes").asLong());
    }

    @Test
    void rendersTheSameTableFromItsResults() throws Exception {
        run(
                "--model synthetic:test --prompt 256 --rounds 1 --tokens 2 --baseline none --out".split(" "),
                folder.resolve("results"));
        String measured = out.toString();
        out.getBuffer().setLength(0);

        int status = run("--table", onlyFile(folder.resolve("results")).toString());

        assertThat(status).isZero();
        assertThat(out.toString())
                .isEqualTo(measured)
                .contains("| 256 dense ", "| 256 pruned ", "synthetic-test (181 K parameters, bf16)");
    }

    @Test
    void writesNothingButLinesOfResultsWithJson() {
        PrintStream stdout = System.out;
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        System.setOut(new PrintStream(written, true, StandardCharsets.UTF_8));
        int status;
        try {
            status = run("--model synthetic:test --prompt 64 --mode dense --rounds 1 --tokens 1 --baseline none --json"
                    .split(" "));
        } finally {
            System.setOut(stdout);
        }

        assertThat(status).isZero();
        assertThat(out.toString()).as("no table").isEmpty();
        assertThat(written.toString(StandardCharsets.UTF_8).lines())
                .extracting(line -> JsonLines.parse(line).path("type").asString())
                .containsExactly("run", "sample", "summary");
    }

    private int run(String[] arguments, Path out) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.add(out.toString());
        return run(all.toArray(new String[0]));
    }

    private static Path onlyFile(Path folder) throws Exception {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> all = files.toList();
            assertThat(all).hasSize(1);
            return all.get(0);
        }
    }

    private static List<String> variants(List<JsonNode> lines, String type) {
        return lines.stream()
                .filter(line -> line.path("type").asString().equals(type))
                .map(line -> line.path("promptTokens").asInt() + " "
                        + line.path("mode").asString())
                .toList();
    }
}
