package io.sliminfer.spring.actuate;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.engine.EngineException;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.RequestInfo;
import io.sliminfer.kv.KvTransfers;
import io.sliminfer.spring.FakeChatEngine;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class TtftHistoryTests {

    @Test
    void keepsTheLastRequestsNewestFirst() {
        TtftHistory history = new TtftHistory(2);
        for (int id = 1; id <= 3; id++) {
            finish(history, id, 2000, true, 100);
        }

        assertThat(history.report().requests())
                .extracting(TtftReport.Request::id)
                .containsExactly(3L, 2L);
        assertThat(history.report().capacity()).isEqualTo(2);
    }

    @Test
    void keepsNothingIfItShallNot() {
        TtftHistory history = new TtftHistory(0);
        finish(history, 1, 2000, true, 100);

        assertThat(history.report().requests()).isEmpty();
    }

    @Test
    void setsDenseAgainstPrunedByLength() {
        TtftHistory history = new TtftHistory(100);
        for (int i = 1; i <= 20; i++) {
            finish(history, i, 5000, true, i);
        }
        finish(history, 21, 5000, false, 70);
        finish(history, 22, 100, false, 3);

        assertThat(history.report().percentiles())
                .containsExactly(
                        new TtftReport.ByLength("<1k", new TtftReport.Percentiles(1, 3, 3, 3), null),
                        new TtftReport.ByLength(
                                "4k-16k",
                                new TtftReport.Percentiles(1, 70, 70, 70),
                                new TtftReport.Percentiles(20, 10, 19, 20)));
    }

    @Test
    void showsStagesAndShares() {
        TtftHistory history = new TtftHistory(1);
        history.finished(new RequestInfo(1, 4096, 3, true), FinishReason.STOP, FakeChatEngine.REPORT);

        assertThat(history.report().requests())
                .containsExactly(new TtftReport.Request(
                        1,
                        Instant.parse("2026-11-26T12:00:00Z"),
                        "4k-16k",
                        4096,
                        true,
                        125,
                        5,
                        120,
                        List.of(new TtftReport.Stage(0, 3, 4096, 80), new TtftReport.Stage(4, 7, 2048, 35)),
                        0.25,
                        0.25));
    }

    @Test
    void aFailedRequestCountsIfItHadAFirstToken() {
        TtftHistory history = new TtftHistory(10);
        EngineException failure = new EngineException(EngineException.Kind.INTERNAL, "lost");
        history.failed(new RequestInfo(1, 100, 3, false), failure, report(1, 100, 5, 1));
        history.failed(new RequestInfo(2, 100, 3, false), failure, report(2, 100, 5, 0));

        assertThat(history.report().requests())
                .extracting(TtftReport.Request::id)
                .containsExactly(1L);
    }

    private static void finish(TtftHistory history, int id, int promptTokens, boolean pruned, int millis) {
        history.finished(
                new RequestInfo(id, promptTokens, 10, pruned), FinishReason.STOP, report(id, promptTokens, millis, 3));
    }

    private static GenerationReport report(int id, int promptTokens, int millis, int generated) {
        return new GenerationReport(
                id,
                promptTokens,
                0,
                generated,
                List.of(new GenerationReport.Stage(0, 7, promptTokens, List.of())),
                0,
                0,
                0,
                1 << 20,
                KvTransfers.NONE,
                1,
                Instant.EPOCH,
                Duration.ZERO,
                Duration.ofMillis(millis),
                List.of(),
                Duration.ZERO);
    }
}
