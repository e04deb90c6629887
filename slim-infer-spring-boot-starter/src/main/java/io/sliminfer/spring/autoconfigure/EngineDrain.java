package io.sliminfer.spring.autoconfigure;

import io.sliminfer.chat.ChatEngine;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;

/**
 * Lets running answers end when the application stops, beside the web server's own graceful shutdown: both begin at the same time, so
 * that requests that wait are refused at once and the server need not wait for them, and both have
 * {@code spring.lifecycle.timeout-per-shutdown-phase}. What still runs after that is stopped.
 */
final class EngineDrain implements SmartLifecycle {

    /** The phase in which Boot's web servers shut down gracefully. Not their constant: a web server is optional. */
    static final int PHASE = SmartLifecycle.DEFAULT_PHASE - 1024;

    /** Boot goes on without whoever is late, so the stopped answers are told a little before. */
    private static final Duration MARGIN = Duration.ofMillis(250);

    private static final Logger log = LoggerFactory.getLogger(EngineDrain.class);

    private final ChatEngine engine;
    private final Duration grace;
    private volatile boolean running;

    /** @param timeout that the phase has in all */
    EngineDrain(ChatEngine engine, Duration timeout) {
        this.engine = engine;
        this.grace = timeout.compareTo(MARGIN.multipliedBy(2)) > 0 ? timeout.minus(MARGIN) : timeout.dividedBy(2);
    }

    @Override
    public void start() {
        running = true;
    }

    @Override
    public void stop() {
        int live = engine.engine().snapshot().running();
        if (live > 0) {
            log.info("Waiting up to {} for {} running answers; requests that wait are refused", grace, live);
        }
        if (!engine.engine().drain(grace)) {
            log.warn(
                    "Running answers were stopped: they took longer than spring.lifecycle.timeout-per-shutdown-phase allows");
        }
        running = false;
    }

    /** On a thread of its own, as Boot's servers do: the phase waits for all who stop in it together. */
    @Override
    public void stop(Runnable callback) {
        new Thread(
                        () -> {
                            try {
                                stop();
                            } finally {
                                callback.run();
                            }
                        },
                        "slim-infer-drain")
                .start();
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    /** A drained engine takes nothing any more, so a context that only rests (Spring's test cache, for one) must not drain it. */
    @Override
    public boolean isPauseable() {
        return false;
    }

    @Override
    public int getPhase() {
        return PHASE;
    }
}
