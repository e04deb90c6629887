package io.sliminfer.benchmarks.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.kv.KvTransfers;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LoadFiguresTests {

    private static Answer answer(int prompt, FinishReason reason, int... ids) {
        Answer answer = new Answer(prompt, 4);
        for (int id : ids) {
            answer.onToken(id);
        }
        answer.onFinished(
                reason,
                new GenerationReport(
                        1,
                        10,
                        0,
                        ids.length,
                        List.of(),
                        0,
                        0,
                        0,
                        0,
                        KvTransfers.NONE,
                        2,
                        Instant.EPOCH,
                        Duration.ofMillis(7),
                        Duration.ofMillis(1),
                        List.of(),
                        Duration.ZERO));
        return answer;
    }

    private static Map<String, Object> figures(List<List<Answer>> answers) {
        long now = System.nanoTime();
        return LoadFigures.of(
                new Load.Result(answers, 3, List.of(), now - 2_000_000_000, now),
                List.of(new int[] {1, 2, 3, 4}, new int[] {5, 6, 7, 8}));
    }

    @Test
    void countsWhatCallersGot() {
        Map<String, Object> figures = figures(List.of(
                List.of(
                        answer(0, FinishReason.LENGTH, 1, 2, 3, 4),
                        answer(1, FinishReason.LENGTH, 5, 6, 7, 8),
                        answer(0, FinishReason.CANCELLED, 1, 2)),
                List.of(answer(1, FinishReason.LENGTH, 5, 6, 7, 8))));

        assertThat(figures)
                .containsEntry("requests", 3)
                .containsEntry("requestsPerSecond", 1.5)
                .containsEntry("tokensPerSecond", 7.0)
                .containsEntry("callerRequestsMin", 1)
                .containsEntry("callerRequestsMax", 2)
                .containsEntry("queueMillisP95", 7.0)
                .containsEntry("decodeBatch", 2.0)
                .containsEntry("differing", 0)
                .containsEntry("refused", 3)
                .containsEntry("fairness", 0.844828); // (10 + 4)^2 / (2 * (10^2 + 4^2))
    }

    @Test
    void seesAnswersThatDiffer() {
        assertThat(figures(List.of(List.of(answer(0, FinishReason.LENGTH, 1, 2, 3, 5)))))
                .containsEntry("differing", 1);
        assertThat(figures(List.of(List.of(answer(0, FinishReason.LENGTH, 1, 2, 3)))))
                .as("too short")
                .containsEntry("differing", 1);
        assertThat(figures(List.of(List.of(answer(1, FinishReason.CANCELLED, 5, 7)))))
                .containsEntry("differing", 1);
    }

    @Test
    void percentilesAreValuesThatOccurred() {
        List<Double> values = new ArrayList<>();
        for (int i = 1; i <= 200; i++) {
            values.add((double) i);
        }
        assertThat(LoadFigures.percentile(values, 50)).isEqualTo(100);
        assertThat(LoadFigures.percentile(values, 99)).isEqualTo(198);
        assertThat(LoadFigures.percentile(List.of(3.0), 95)).isEqualTo(3);
        assertThat(LoadFigures.percentile(List.of(), 95)).isZero();
    }

    @Test
    void fairnessIsOneWhereAllGetTheSame() {
        assertThat(LoadFigures.jain(new double[] {4, 4, 4})).isEqualTo(1);
        assertThat(LoadFigures.jain(new double[] {9, 0, 0})).isCloseTo(1.0 / 3, within(1e-9));
        assertThat(LoadFigures.jain(new double[2])).isEqualTo(1);
    }

    @Test
    void whatIsLeftIsNamed() {
        Leftovers start = new Leftovers(List.of("main", "worker", "worker"), 100, 1000, 50 << 20);
        assertThat(new Leftovers(List.of("main", "worker"), 100, 1000 + (1 << 20), (50 << 20) + (18 << 20))
                        .since(start))
                .isEmpty();
        assertThat(new Leftovers(
                                List.of("caller-3", "main", "worker", "worker", "worker"),
                                101,
                                1001 + (1 << 20),
                                80 << 20)
                        .since(start))
                .containsExactly(
                        "threads that did not run before: [caller-3, worker]",
                        "101 bytes of direct buffers, 100 before",
                        "1,049,577 bytes of native memory, 1,000 before",
                        "83,886,080 bytes of heap, 52,428,800 before");
    }
}
