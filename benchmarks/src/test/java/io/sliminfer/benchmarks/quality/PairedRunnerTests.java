package io.sliminfer.benchmarks.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sliminfer.benchmarks.quality.score.Metric;
import io.sliminfer.benchmarks.report.JsonLines;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.kv.KvTransfers;
import io.sliminfer.prune.UnitAggregation;
import io.sliminfer.spring.SlimInferChatOptions;
import io.sliminfer.spring.SlimInferMetadata;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.metadata.ChatResponseMetadata;
import org.springframework.ai.chat.metadata.DefaultUsage;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.Generation;
import tools.jackson.databind.JsonNode;

class PairedRunnerTests {

    @TempDir
    Path folder;

    private final List<SlimInferChatOptions> requests = new ArrayList<>();

    /** Right when dense, wrong from 4:0.25 on; pruning halves the time. */
    private final ChatModel model = prompt -> {
        SlimInferChatOptions options = (SlimInferChatOptions) prompt.getOptions();
        requests.add(options);
        boolean second = prompt.getContents().contains("city b");
        boolean dense = Boolean.FALSE.equals(options.getPruning());
        String answer = "4:0.25".equals(options.getPruningSchedule()) ? "no idea" : "Oslo";
        return new ChatResponse(
                List.of(new Generation(new AssistantMessage(answer))),
                ChatResponseMetadata.builder()
                        .usage(new DefaultUsage(100, 2))
                        .keyValue(SlimInferMetadata.TTFT_MS, dense ? 20.0 : 10.0)
                        .keyValue(SlimInferMetadata.PRUNED_SHARE, dense ? 0.0 : second ? 0.4 : 0.2)
                        .keyValue(SlimInferMetadata.REPORT, report(dense ? 100 : second ? 30 : 60))
                        .build());
    };

    /** Of a prompt of 100 tokens, of which so many are live from layer 5 on. */
    private static GenerationReport report(int live) {
        List<GenerationReport.Stage> stages = live == 100
                ? List.of(new GenerationReport.Stage(0, 11, 100, List.of()))
                : List.of(
                        new GenerationReport.Stage(0, 4, 100, List.of()),
                        new GenerationReport.Stage(5, 11, live, List.of()));
        return new GenerationReport(
                1,
                100,
                0,
                2,
                stages,
                0,
                0,
                0,
                0,
                KvTransfers.NONE,
                1,
                Instant.EPOCH,
                Duration.ZERO,
                Duration.ZERO,
                List.of(),
                Duration.ZERO);
    }

    private static EvalCase city(String id, int length) {
        return new EvalCase(
                id,
                "city",
                length,
                List.of(Turn.user("Which city " + id + "?")),
                List.of("Oslo"),
                Metric.CONTAINS,
                List.of(),
                8,
                false,
                Map.of("seed", 1L));
    }

    private List<PairedResult> run(List<EvalCase> cases, PruneVariant... variants) {
        try (JsonLines lines = JsonLines.appendTo(folder.resolve("cases.jsonl"))) {
            return new PairedRunner(model, List.of(variants), lines, line -> {}).run(cases);
        }
    }

    @Test
    void asksEachCaseDenselyAndByEachVariantInTurningOrder() {
        run(
                List.of(city("a", 64), city("b", 64)),
                PruneVariant.of("4:0.5"),
                new PruneVariant("4:0.25", 32, 4, 16, 0, UnitAggregation.MEAN));

        List<SlimInferChatOptions> counted = requests.subList(2, requests.size());
        assertThat(counted)
                .as("two warm-up requests before")
                .extracting(SlimInferChatOptions::getPruningSchedule)
                .containsExactly(null, "4:0.5", "4:0.25", "4:0.5", "4:0.25", null);
        assertThat(counted.get(0).getPruning()).isFalse();
        assertThat(counted).allSatisfy(options -> {
            assertThat(options.getTemperature()).isZero();
            assertThat(options.getMaxTokens()).isEqualTo(8);
        });
        SlimInferChatOptions sized = counted.get(2);
        assertThat(sized.getPruning()).isTrue();
        assertThat(sized.getPruningBlock()).isEqualTo(32);
        assertThat(sized.getPruningUnit()).isEqualTo(4);
        assertThat(sized.getPruningWindow()).isEqualTo(16);
        assertThat(sized.getPruningSink()).isZero();
        assertThat(sized.getPruningAggregation()).isEqualTo(UnitAggregation.MEAN);
    }

    @Test
    void writesALineForEachCaseWithBothAnswers() {
        run(List.of(city("a", 64)), PruneVariant.of("4:0.5"), PruneVariant.of("4:0.25"));

        JsonNode line = JsonLines.read(folder.resolve("cases.jsonl")).get(0);
        assertThat(line.path("id").stringValue()).isEqualTo("a");
        assertThat(line.path("seed").intValue()).isEqualTo(1);
        assertThat(line.path("promptTokens").intValue()).isEqualTo(100);
        assertThat(line.path("dense").path("answer").stringValue()).isEqualTo("Oslo");
        assertThat(line.path("dense").path("score").intValue()).isEqualTo(1);
        JsonNode last = line.path("pruned").get(1);
        assertThat(last.path("variant").stringValue()).isEqualTo("4:0.25");
        assertThat(last.path("answer").stringValue()).isEqualTo("no idea");
        assertThat(last.path("differs").booleanValue()).isTrue();
        assertThat(last.path("ttftMillis").doubleValue()).isEqualTo(10);
        assertThat(last.path("keptShares").get(0).doubleValue()).isEqualTo(0.6);
        assertThat(line.path("dense").path("keptShares")).isEmpty();
    }

    @Test
    void sumsUpByTaskAndLength() {
        List<PairedResult> results =
                run(List.of(city("a", 64), city("b", 128)), PruneVariant.of("4:0.25"), PruneVariant.of("4:0.5"));

        List<Summary> summaries = Summary.of(results);

        assertThat(summaries)
                .extracting(summary -> summary.task() + " " + summary.length() + " " + summary.variant())
                .containsExactly(
                        "all all 4:0.25",
                        "city 64 4:0.25",
                        "city 128 4:0.25",
                        "all all 4:0.5",
                        "city 64 4:0.5",
                        "city 128 4:0.5");
        Summary all = summaries.get(0);
        assertThat(all.dense()).isEqualTo(1);
        assertThat(all.pruned()).isZero();
        assertThat(all.difference().mean()).isEqualTo(-1);
        assertThat(all.answersThatDiffer()).isEqualTo(2);
        assertThat(all.ttft().median()).isEqualTo(2);
        assertThat(all.prunedShare().mean()).isEqualTo(0.3, within(1e-12));
        assertThat(all.prunedShare().deviation()).isEqualTo(0.1, within(1e-12));
        assertThat(all.keptShares()).hasSize(1);
        assertThat(all.keptShares().get(0).mean()).isEqualTo(0.45, within(1e-12));
        assertThat(all.keptShares().get(0).min()).isEqualTo(0.3);
        assertThat(all.lost()).containsExactly("a", "b");
        assertThat(summaries.get(3).lost()).isEmpty();
        assertThat(Summary.table(summaries))
                .contains("-1.000 [-1.000, -0.158]")
                .contains("2.00 (2.00-2.00)")
                .contains("30 % (20-40)")
                .contains("45 % (30-60)")
                .containsPattern("\\| +20 % \\| +60 % \\|");
        assertThat(Summary.changes(summaries)).isEqualTo("\nScored lower with 4:0.25: a, b.\n");
    }
}
