package io.sliminfer.benchmarks.cuda;

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

/** The whole command on the plain Java backend: what it measures is the same engine, only slower. */
class CudaCommandTests {

    private static final String SMALL = "--backend java --compute f32 --model random:test ";

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String arguments, String... more) {
        List<String> all = new ArrayList<>(List.of(arguments.split(" ")));
        all.addAll(List.of(more));
        return new CommandLine(new CudaCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(all.toArray(new String[0]));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "--model random:llama-4 | --model: random:llama-4 is unknown: there are random:llama-3.1-8b, random:llama-3.2-1b",
                "--model no-such-folder | --model: no-such-folder does not exist",
                "--prompt 131600 | --prompt 131600 with --tokens 32 is too long: random-llama-3.1-8b has 131584 positions",
                "--prompt 64,64 | --prompt [64, 64] has a length twice",
                "--mode dense,sparse | 'sparse' is unknown; there are dense, pruned, budget",
                "--schedule 40:0.5 | --schedule: pruning schedule 40:0.5: there is no layer 40",
                "--schedule 4:0.5/0.1 | has decode budgets: leave them out, mode budget takes --decode-budget",
                "--mode budget --decode-budget x | --decode-budget: pruning budget 'x'",
                "--tokens 0 | --tokens 0 is not allowed",
                "--rounds 0 | --rounds 0 is not allowed",
                "--memory 24gb | --memory: '24gb' is no size",
                "--memory 24GB,24GB | --memory 24GB,24GB has a limit twice",
                "--kv-memory all | --kv-memory: 'all' is no size",
                "--kv-memory 0 | --kv-memory: 0 bytes are of no use: use fit, rest or a size",
                "--kv-host-memory rest | --kv-host-memory: 'rest' is no size",
                "--prompt 8192 --max-prompt 4096 | --max-prompt 4096 is not allowed: use 8192 (the longest of --prompt) to 131583",
                "--weights int4 | 'int4' is unknown; there are auto, bf16, int8, q8_0, q4_0, q4_k, q6_k",
                "--backend java --compute f32 --model random:test --prompt 64 --weights q4_k --mode dense | --weights: model.embed_tokens.weight: rows of 64 elements",
                "--compute auto | --compute auto is not allowed here",
                "--empty-cache --cache-dir x | --empty-cache and --cache-dir exclude each other",
                "--backend tpu | --backend tpu is unknown: there are",
                "--table no-such.jsonl | --table: no-such.jsonl cannot be read"
            })
    void refusesBadArgumentsBeforeAnEngineIsOpened(String arguments, String message) {
        assertThat(run(arguments)).isEqualTo(2);
        assertThat(err.toString()).contains(message);
    }

    @Test
    void measuresEveryVariantInEveryRoundWithItsFloor() throws Exception {
        int status = run(
                SMALL + "--prompt 320,256 --mode dense,pruned,budget --rounds 2 --tokens 8 --empty-cache --out",
                folder.toString());

        assertThat(status).as(err.toString()).isZero();
        List<JsonNode> lines = JsonLines.read(onlyFile("cuda-random-test-"));
        assertThat(variants(lines, "sample"))
                .startsWith(
                        "256 dense", "256 pruned", "256 budget", "320 dense", "320 pruned", "320 budget", "256 dense")
                .hasSize(12);
        assertThat(variants(lines, "summary"))
                .containsExactly("256 dense", "256 pruned", "256 budget", "320 dense", "320 pruned", "320 budget");
        for (JsonNode summary : ofType(lines, "summary")) {
            for (String figure : List.of(
                    "ttftFloorSeconds", "ttftOfFloor", "decodeFloorMillis", "decodeOfFloor", "deviceBytesPeak")) {
                assertThat(summary.path(figure).isNumber()).as(figure).isTrue();
            }
            assertThat(summary.path("endToEndSeconds").path("median").asDouble())
                    .isGreaterThan(summary.path("ttftSeconds").path("median").asDouble());
        }
        JsonNode start = ofType(lines, "start").get(0);
        assertThat(start.path("cache").asString()).isEqualTo("empty");
        assertThat(start.path("secondTtftSeconds").asDouble()).isPositive();
        JsonNode ceiling = ofType(lines, "ceiling").get(0);
        assertThat(ceiling.path("flopsPerSecond").asDouble()).isPositive();
        assertThat(ceiling.path("readBytesPerSecond").asDouble()).isPositive();
    }

    @Test
    void sizesTheKvCacheForTheLongestPromptAndItsAnswer() throws Exception {
        assertThat(run(SMALL + "--prompt 250,300 --mode dense --rounds 1 --tokens 8 --out", folder.toString()))
                .as(err.toString())
                .isZero();

        // 4 layers; 307 stored tokens are 5 blocks of 64; 2 KV heads of 16 as float32, keys and values.
        JsonNode engine =
                ofType(JsonLines.read(onlyFile("cuda-random-test-")), "engine").get(0);
        assertThat(engine.path("kvBytes").asLong()).isEqualTo(4 * 5 * 64 * 2 * 16 * 4 * 2);
    }

    @Test
    void opensAnEngineForEachMemoryLimit() throws Exception {
        int status =
                run(SMALL + "--prompt 256 --mode dense --rounds 1 --tokens 8 --memory 0,1GB --out", folder.toString());

        assertThat(status).as(err.toString()).isZero();
        List<JsonNode> lines = JsonLines.read(onlyFile("cuda-random-test-"));
        assertThat(ofType(lines, "engine"))
                .extracting(line -> line.path("memoryBytes").asLong())
                .containsExactly(0L, 1_000_000_000L);
        JsonNode capped = ofType(lines, "summary").get(1);
        assertThat(capped.path("ttftOfFirstMemory").asDouble()).isPositive();
        assertThat(out.toString()).contains("| 256 dense, limit 1 GB ");
    }

    @Test
    void enginesOfSeveralFormsOfWeightsTakeTurns() throws Exception {
        int status = run(
                SMALL + "--prompt 256 --mode dense --rounds 2 --tokens 8 --weights bf16,q8_0 --out", folder.toString());

        assertThat(status).as(err.toString()).isZero();
        List<JsonNode> lines = JsonLines.read(onlyFile("cuda-random-test-"));
        assertThat(ofType(lines, "sample"))
                .extracting(line -> line.path("weights").asString())
                .containsExactly("bf16", "q8_0", "bf16", "q8_0");
        JsonNode blocks = ofType(lines, "summary").get(1);
        assertThat(blocks.path("ttftOfFirstWeights").asDouble()).isPositive();
        assertThat(blocks.path("decodeOfFirstWeights").asDouble()).isPositive();
        assertThat(out.toString()).contains("| 256 dense, bf16 ", "| 256 dense, q8_0 ", "Engine, q8_0: KV cache");
    }

    @Test
    void timesTheOperationsOfAPrefillAndOfDecode() throws Exception {
        int status = run(SMALL + "--prompt 512 --mode pruned --rounds 1 --tokens 4 --profile --out", folder.toString());

        assertThat(status).as(err.toString()).isZero();
        List<JsonNode> profiles = ofType(JsonLines.read(onlyFile("cuda-random-test-")), "profile");
        assertThat(profiles).extracting(line -> line.path("phase").asString()).containsExactly("prefill", "decode");
        assertThat(calls(profiles.get(0), "scoreBlocks")).isPositive();
        assertThat(calls(profiles.get(0), "linear 512x64"))
                .as("the output head, for one row")
                .isEqualTo(1);
        assertThat(calls(profiles.get(1), "linear 512x64")).isEqualTo(PhaseSpans.decodeTokens());
        Timeline timeline = Timeline.read(onlyFile("cuda-timeline-pruned-512"));
        assertThat(timeline.title()).isEqualTo("random-test, 512 tokens, pruned");
        assertThat(timeline.bars()).extracting(Timeline.Bar::operation).contains("attend", "keepRows");
        assertThat(out.toString()).contains("| 512 pruned, prefill ", "| 512 pruned, decode of 4 tokens ");
    }

    @Test
    void rendersTheSameTableFromItsResults() throws Exception {
        run(SMALL + "--prompt 256 --mode dense --rounds 1 --tokens 2 --out", folder.toString());
        String measured = out.toString();
        out.getBuffer().setLength(0);

        assertThat(run("--table", onlyFile("cuda-random-test-").toString())).isZero();

        assertThat(out.toString()).isEqualTo(measured).contains("| 256 dense ");
    }

    @Test
    void drawsARecordedTimeline() throws Exception {
        run(SMALL + "--prompt 256 --mode dense --rounds 1 --tokens 2 --profile --out", folder.toString());
        Path picture = folder.resolve("picture.svg");

        int status = run("timeline " + onlyFile("cuda-timeline-dense-256"), "--out", picture.toString());

        assertThat(status).as(err.toString()).isZero();
        assertThat(Files.readString(picture)).startsWith("<svg ").contains("random-test, 256 tokens, dense");
    }

    private static int calls(JsonNode profile, String operation) {
        for (JsonNode line : profile.path("operations")) {
            if (line.path("operation").asString().equals(operation)) {
                return line.path("calls").asInt();
            }
        }
        return 0;
    }

    private Path onlyFile(String prefix) throws Exception {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> found = files.filter(
                            file -> file.getFileName().toString().startsWith(prefix))
                    .toList();
            assertThat(found).as(prefix).hasSize(1);
            return found.get(0);
        }
    }

    private static List<JsonNode> ofType(List<JsonNode> lines, String type) {
        return lines.stream()
                .filter(line -> line.path("type").asString().equals(type))
                .toList();
    }

    private static List<String> variants(List<JsonNode> lines, String type) {
        return ofType(lines, type).stream()
                .map(line -> line.path("promptTokens").asInt() + " "
                        + line.path("mode").asString())
                .toList();
    }
}
