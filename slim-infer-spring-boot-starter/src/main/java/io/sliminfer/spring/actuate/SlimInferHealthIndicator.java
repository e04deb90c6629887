package io.sliminfer.spring.actuate;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.engine.EngineSnapshot;
import org.springframework.boot.health.contributor.AbstractHealthIndicator;
import org.springframework.boot.health.contributor.Health;

/**
 * Whether the engine takes requests: UP, OUT_OF_SERVICE while its queue is full or it is closing, DOWN with the cause once it has
 * failed. Thread-safe.
 */
public final class SlimInferHealthIndicator extends AbstractHealthIndicator {

    private final ChatEngine engine;

    public SlimInferHealthIndicator(ChatEngine engine) {
        super("The engine could not be asked");
        this.engine = engine;
    }

    @Override
    protected void doHealthCheck(Health.Builder builder) {
        EngineSnapshot snapshot = engine.engine().snapshot();
        builder.withDetail("model", engine.modelName())
                .withDetail("backend", engine.engine().device().backend())
                .withDetail("queued", snapshot.queued())
                .withDetail("running", snapshot.running());
        switch (snapshot.state()) {
            case RUNNING -> {
                if (snapshot.full()) {
                    builder.outOfService()
                            .withDetail(
                                    "reason",
                                    "the queue is full (slim-infer.queue-capacity=" + snapshot.queueCapacity() + ")");
                } else {
                    builder.up();
                }
            }
            case CLOSING, CLOSED -> builder.outOfService().withDetail("reason", "the engine is closing or closed");
            case FAILED -> {
                builder.down();
                if (snapshot.failure() != null) {
                    builder.withException(snapshot.failure());
                }
            }
        }
    }
}
