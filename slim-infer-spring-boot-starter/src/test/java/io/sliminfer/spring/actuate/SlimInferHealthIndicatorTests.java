package io.sliminfer.spring.actuate;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.engine.EngineState;
import io.sliminfer.engine.LiveRequest;
import io.sliminfer.spring.FakeChatEngine;
import java.time.Duration;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.Status;

class SlimInferHealthIndicatorTests {

    private final FakeChatEngine engine = new FakeChatEngine();
    private final SlimInferHealthIndicator indicator = new SlimInferHealthIndicator(engine);

    @Test
    void isUpAndSaysWhatRuns() {
        Health health = indicator.health();

        assertThat(health.getStatus()).isEqualTo(Status.UP);
        assertThat(health.getDetails())
                .containsEntry("model", FakeChatEngine.MODEL)
                .containsEntry("backend", "fake")
                .containsEntry("queued", 0)
                .containsEntry("running", 0);
    }

    @Test
    void isOutOfServiceExactlyWhileARequestWouldBeRefused() {
        engine.snapshot = FakeChatEngine.snapshot(EngineState.RUNNING, null, requests(3));
        assertThat(indicator.health().getStatus()).isEqualTo(Status.UP);

        engine.snapshot = FakeChatEngine.snapshot(EngineState.RUNNING, null, requests(4));
        assertThat(indicator.health().getStatus()).isEqualTo(Status.OUT_OF_SERVICE);
        assertThat(indicator.health().getDetails().get("reason"))
                .isEqualTo("the queue is full (slim-infer.queue-capacity=2)");
    }

    @ParameterizedTest
    @EnumSource(
            value = EngineState.class,
            names = {"CLOSING", "CLOSED"})
    void isOutOfServiceWhenClosing(EngineState state) {
        engine.snapshot = FakeChatEngine.snapshot(state, null);

        assertThat(indicator.health().getStatus()).isEqualTo(Status.OUT_OF_SERVICE);
    }

    @Test
    void isDownWithTheCauseOnceTheEngineHasFailed() {
        engine.snapshot = FakeChatEngine.snapshot(EngineState.FAILED, new IllegalStateException("device lost"));

        assertThat(indicator.health().getStatus()).isEqualTo(Status.DOWN);
        assertThat(indicator.health().getDetails().get("error"))
                .isEqualTo("java.lang.IllegalStateException: device lost");
    }

    private static LiveRequest[] requests(int count) {
        return LongStream.rangeClosed(1, count)
                .mapToObj(id -> new LiveRequest(
                        id,
                        id <= 2 ? LiveRequest.State.DECODING : LiveRequest.State.WAITING,
                        100,
                        0,
                        Duration.ofSeconds(1)))
                .toArray(LiveRequest[]::new);
    }
}
