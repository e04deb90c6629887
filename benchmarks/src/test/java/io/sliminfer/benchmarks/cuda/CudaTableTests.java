package io.sliminfer.benchmarks.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.benchmarks.report.TableRows;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class CudaTableTests {

    private static final String HEADER =
            """
            {"type":"run","benchmark":"cuda","command":"cuda","version":"1","date":"2026-01-02T03:04:05Z","commit":"unknown",
             "model":"m","parameters":8030000000,"modelDtype":"bf16",
             "machine":{"cpu":"A CPU","cores":2,"memoryBytes":25000000000,"os":"Linux 6","jvm":"A JVM 17"},
             "backend":{"name":"cuda","description":"A GPU","compute":"bf16"},"rounds":1,"schedule":"[10:0.25]"}
            """;

    private static final String CEILING =
            """
            {"type":"ceiling","productRows":4096,"flopsPerSecond":8e14,"flopsPerSecondByShape":{"qkv":7e14},
             "copyBytesPerSecond":3e12,"readBytesPerSecond":2.5e12,"toHostBytesPerSecond":5.4e10}
            """;

    private static JsonNode sample(long memory, String mode, double ttft, double decode) {
        return JsonLines.parse(
                """
                {"type":"sample","memoryBytes":%d,"mode":"%s","promptTokens":65536,"ttftSeconds":%s,"flopsPerSecond":5e14,
                 "prefillFlops":8e14,"decodeMillisPerToken":%s,"decodeBytes":1.5e10,"endToEndSeconds":%s}
                """
                        .formatted(memory, mode, ttft, decode, 2 * ttft));
    }

    private static List<JsonNode> run(JsonNode... lines) {
        List<JsonNode> all = new ArrayList<>(List.of(JsonLines.parse(HEADER)));
        all.addAll(List.of(lines));
        for (Map<String, Object> summary : CudaSummary.of(all)) {
            all.add(JsonLines.node(summary));
        }
        return all;
    }

    @Test
    void showsTimesWithTheirFloorsAndRatios() {
        String text = CudaTable.render(run(
                sample(0, "dense", 4, 10),
                sample(0, "dense", 3, 9),
                sample(0, "dense", 5, 11),
                sample(0, "pruned", 1.6, 7.5),
                JsonLines.parse("{\"type\":\"engine\",\"memoryBytes\":0,\"deviceBytesPeak\":26000000000,"
                        + "\"kvBytes\":8600000000,\"openSeconds\":3}"),
                sample(24_000_000_000L, "dense", 4.4, 10),
                JsonLines.parse(CEILING)));

        // Floors: 8e14 / 8e14 FLOP/s = 1 s; 1.5e10 bytes at 3e12, the faster of the two ways to read, 5 ms.
        assertThat(TableRows.of(text))
                .containsExactly(
                        "Prompt, mode|TTFT s|x faster than dense|TFLOP/s|floor s|of floor|decode ms/tok|GB/tok|floor ms|of floor|end to end s|x faster than dense|TTFT of first engine's|TTFT of first weights'|decode of first weights'|device GB",
                        "65536 dense|4.00 (3.00-5.00)|-|500|1.00|4.00|10.0 (9.00-11.0)|15.0|5.00|2.00|8.00 (6.00-10.0)|-|-|-|-|26.0",
                        "65536 pruned|1.60 (1.60-1.60)|2.50|500|1.00|1.60|7.50 (7.50-7.50)|15.0|5.00|1.50|3.20 (3.20-3.20)|2.50|-|-|-|26.0",
                        "65536 dense, limit 24 GB|4.40 (4.40-4.40)|-|500|1.00|4.40|10.0 (10.0-10.0)|15.0|5.00|2.00|8.80 (8.80-8.80)|-|1.10|-|-|-");
        assertThat(text)
                .contains(
                        "Ceilings: the model's matrix products at 4096 rows 800 TFLOP/s (qkv 700); copy on the device 3.00 TB/s",
                        "KV slots to the host 54.0 GB/s, back - GB/s.",
                        "KV cache 8.60 GB on the device, 0.00 GB behind it; device memory 26.0 GB at its peak");
    }

    @Test
    void tellsWhatTheFirstRequestCostsMore() {
        String text = CudaTable.render(
                run(
                        sample(0, "dense", 1, 1),
                        JsonLines.parse(
                                "{\"type\":\"start\",\"cache\":\"empty\",\"openSeconds\":9.5,\"readySecondsAfterJvmStart\":10,"
                                        + "\"promptTokens\":8192,\"mode\":\"dense\",\"firstTtftSeconds\":0.4,\"secondTtftSeconds\":0.25}")));

        assertThat(text)
                .contains(
                        "Start, kernel cache empty: engine opened in 9.50 s, ready 10.00 s after the JVM's start; the first"
                                + " request (8192 tokens, dense) took 0.400 s, the same again 0.250 s: +0.150 s.");
    }

    @Test
    void showsWhereTheTimeWent() {
        String text = CudaTable.render(
                run(
                        sample(0, "dense", 1, 1),
                        JsonLines.parse(
                                """
                        {"type":"profile","memoryBytes":0,"mode":"dense","promptTokens":65536,"phase":"prefill","passes":1,"millis":200,
                         "operations":[
                          {"queue":"compute","operation":"attend","calls":512,"millis":150,"share":0.75,"flopsPerSecond":4.5e14},
                          {"queue":"to host","operation":"KV to host","calls":32,"millis":20,"share":0.1,"bytesPerSecond":5e10}]}
                        """)));

        assertThat(TableRows.of(text))
                .contains(
                        "65536 dense, prefill|calls|ms|share|TFLOP/s|GB/s",
                        "attend|512|150|75.0 %|450|-",
                        "KV to host (beside)|32|20.0|10.0 %|-|50.0");
    }
}
