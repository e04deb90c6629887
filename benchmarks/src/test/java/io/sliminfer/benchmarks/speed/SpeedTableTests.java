package io.sliminfer.benchmarks.speed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.TableRows;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class SpeedTableTests {

    private static final String HEADER =
            """
            {"type":"run","benchmark":"speed","command":"speed --model m","version":"1","date":"2026-01-02T03:04:05Z",
             "commit":"0123456789abcdef0123456789abcdef01234567","model":"m","parameters":1040000000,"modelDtype":"bf16",
             "machine":{"cpu":"A CPU","cores":2,"memoryBytes":25000000000,"os":"Linux 6","jvm":"A JVM 17"},
             "backend":{"name":"cpu","description":"oneDNN","compute":"f32"},"rounds":3,"schedule":"[5:0.25]",
             "llamaWeights":"q4_0"}
            """;

    private static JsonNode sample(int promptTokens, String mode, String fields) {
        return JsonLines.parse(
                "{\"type\":\"sample\",\"mode\":\"%s\",\"promptTokens\":%d,%s}".formatted(mode, promptTokens, fields));
    }

    private static List<JsonNode> run(JsonNode... samples) {
        List<JsonNode> lines = new ArrayList<>(List.of(JsonLines.parse(HEADER)));
        lines.addAll(List.of(samples));
        for (Map<String, Object> summary : SpeedSummary.of(lines)) {
            lines.add(JsonLines.node(summary));
        }
        return lines;
    }

    @Test
    void showsMediansRatiosAndTheShareOfTheCeiling() {
        String text = SpeedTable.render(run(
                sample(1024, "dense", "\"ttftSeconds\":4,\"gflopsPerSecond\":300"),
                sample(1024, "dense", "\"ttftSeconds\":9,\"gflopsPerSecond\":100"),
                sample(1024, "dense", "\"ttftSeconds\":5,\"gflopsPerSecond\":280"),
                sample(1024, "pruned", "\"ttftSeconds\":2.5,\"prunedShare\":0.5,\"anonymousBytes\":\"not available\""),
                sample(1024, "gemm", "\"gflopsPerSecond\":350"),
                sample(1024, "llama", "\"ttftSeconds\":10"),
                sample(1024, "jlama", "\"ttftSeconds\":20")));

        assertThat(TableRows.of(text))
                .containsExactly(
                        "Prompt, mode|TTFT s|of dense|x llama|prompt tok/s|decode ms/tok|decode tok/s|x llama|pruned|FLOPs saved|GFLOP/s|of GEMM|peak MB|weights + KV MB|anonymous MB",
                        "1024 dense|5.00 (4.00-9.00)|-|2.00|-|-|-|-|-|-|280|80 %|-|-|-",
                        "1024 pruned|2.50 (2.50-2.50)|0.50|4.00|-|-|-|-|50 %|-|-|-|-|-|not available",
                        "1024 oneDNN alone|-|-|-|-|-|-|-|-|-|350|-|-|-|-",
                        "1024 llama.cpp q4_0|10.0 (10.0-10.0)|2.00|-|-|-|-|-|-|-|-|-|-|-|-",
                        "1024 Jlama Q4|20.0 (20.0-20.0)|4.00|0.50|-|-|-|-|-|-|-|-|-|-|-");
    }

    @Test
    void comparesFormsOfWeightsWithTheirOwnDenseAndWithLlamaCpp() {
        String text = SpeedTable.render(run(
                sample(512, "dense bf16", "\"dense\":\"dense bf16\",\"ttftSeconds\":6,\"decodeTokensPerSecond\":10"),
                sample(
                        512,
                        "dense int8",
                        "\"dense\":\"dense int8\",\"ttftSeconds\":3,\"decodeTokensPerSecond\":30,"
                                + "\"peakResidentBytes\":1500000000,\"weightsAndKvBytes\":1100000000"),
                sample(512, "pruned int8", "\"dense\":\"dense int8\",\"ttftSeconds\":1.5"),
                sample(512, "llama", "\"ttftSeconds\":12,\"decodeTokensPerSecond\":20")));

        assertThat(TableRows.of(text).stream().skip(1))
                .containsExactly(
                        "512 dense bf16|6.00 (6.00-6.00)|-|2.00|-|-|10.0|0.50|-|-|-|-|-|-|-",
                        "512 dense int8|3.00 (3.00-3.00)|-|4.00|-|-|30.0|1.50|-|-|-|-|1500|1100|-",
                        "512 pruned int8|1.50 (1.50-1.50)|0.50|8.00|-|-|-|-|-|-|-|-|-|-|-",
                        "512 llama.cpp q4_0|12.0 (12.0-12.0)|-|-|-|-|20.0|-|-|-|-|-|-|-|-");
    }

    @Test
    void showsColdStartsInATableOfTheirOwn() {
        List<JsonNode> lines = List.of(
                JsonLines.parse(HEADER.replace("\"benchmark\":\"speed\"", "\"benchmark\":\"cold\"")),
                JsonLines.parse(
                        """
                        {"type":"summary","mode":"dense int8","promptTokens":512,"samples":1,
                         "firstTokenSeconds":{"median":3,"min":2,"max":4},"readySeconds":{"median":2,"min":1,"max":3},
                         "ttftSeconds":{"median":0.5,"min":0.5,"max":0.5},"diskBytes":{"median":2e9,"min":2e9,"max":2e9},
                         "timeOfLlama":0.75}
                        """),
                JsonLines.parse(
                        """
                        {"type":"summary","mode":"llama","promptTokens":512,"samples":1,
                         "firstTokenSeconds":{"median":4,"min":4,"max":4}}
                        """));

        assertThat(TableRows.of(SpeedTable.render(lines)))
                .containsExactly(
                        "First answer after start|first token s|time of llama.cpp's|model loaded s|TTFT s|read from disk MB|peak MB|weights + KV MB",
                        "512 dense int8|3.00 (2.00-4.00)|0.75|2.00|0.500|2000|-|-",
                        "512 llama.cpp q4_0|4.00 (4.00-4.00)|-|-|-|-|-|-");
    }

    @Test
    void saysWhereWhenAndHowItWasMeasured() {
        String text = SpeedTable.render(run(sample(64, "dense", "\"ttftSeconds\":1")));

        assertThat(text)
                .startsWith(
                        """
                        m (1.04 B parameters, bf16), cpu: oneDNN.
                        A CPU, 2 cores, 25 GB, Linux 6; A JVM 17.
                        2026-01-02, commit 0123456789: `java -jar slim-infer-benchmarks.jar speed --model m`.
                        """);
    }

    @Test
    void ordersRowsByPromptLength() {
        String text = SpeedTable.render(run(
                sample(64, "dense", "\"ttftSeconds\":1"),
                sample(512, "dense", "\"ttftSeconds\":3"),
                sample(64, "llama", "\"ttftSeconds\":2")));

        assertThat(TableRows.of(text).stream().skip(1).map(row -> row.replaceAll("\\|.*", "")))
                .containsExactly("64 dense", "64 llama.cpp q4_0", "512 dense");
    }

    @Test
    void rendersEveryRunOfAFileAndItsNotes() {
        List<JsonNode> lines = new ArrayList<>(run(sample(64, "dense", "\"ttftSeconds\":1")));
        lines.addAll(run(sample(128, "dense", "\"ttftSeconds\":2")));
        lines.add(JsonLines.parse("{\"type\":\"note\",\"text\":\"llama.cpp is not measured: no native\"}"));

        assertThat(SpeedTable.render(lines))
                .contains("| 64 dense", "| 128 dense")
                .endsWith("\nllama.cpp is not measured: no native\n");
    }

    @Test
    void refusesARunThatWasStopped() {
        List<JsonNode> lines = List.of(JsonLines.parse(HEADER), sample(64, "dense", "\"ttftSeconds\":1"));

        assertThatThrownBy(() -> SpeedTable.render(lines)).hasMessageContaining("2026-01-02T03:04:05Z has no summary");
    }

    @Test
    void refusesResultsOfAnotherCommand() {
        List<JsonNode> lines = List.of(JsonLines.parse("{\"type\":\"run\",\"benchmark\":\"other\"}"));

        assertThatThrownBy(() -> SpeedTable.render(lines)).hasMessageContaining("benchmark speed");
        assertThatThrownBy(() -> SpeedTable.render(List.of())).hasMessageContaining("no results");
    }
}
