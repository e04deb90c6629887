package io.sliminfer.hub;

import java.io.IOException;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Repeats what a busy server or a broken connection let fail, with pauses of 1, 2, 4 and 8 seconds, or as long as the server says. */
final class Retry {

    /** Attempts without any progress after which a download is given up. */
    static final int ATTEMPTS = 5;

    private static final Logger log = LoggerFactory.getLogger(Retry.class);
    private static final Duration PAUSE_MAX = Duration.ofSeconds(8);
    private static final Duration STATED_PAUSE_MAX = Duration.ofMinutes(2);

    /** Waits; a test's does not. */
    @FunctionalInterface
    interface Pause {
        void pass(Duration duration) throws InterruptedException;
    }

    @FunctionalInterface
    interface Attempt<T> {
        T run() throws IOException;
    }

    /** The server is there but cannot answer now. */
    static final class BusyException extends IOException {

        private static final long serialVersionUID = 1L;

        private final transient @Nullable Duration pause;

        BusyException(String message, @Nullable Duration pause) {
            super(message);
            this.pause = pause;
        }
    }

    private final Pause pause;

    Retry(Pause pause) {
        this.pause = pause;
    }

    /**
     * @param what     of the attempt, for messages, such as "config.json of owner/name"
     * @param progress something that grows: attempts are counted from its last growth
     * @throws HubException of an outage, once an attempt has failed {@code attempts} times in a row
     */
    <T> T run(String what, int attempts, LongSupplier progress, Attempt<T> attempt) {
        long reached = progress.getAsLong();
        for (int failures = 1; ; failures++) {
            try {
                return attempt.run();
            } catch (IOException e) {
                if (progress.getAsLong() > reached) {
                    reached = progress.getAsLong();
                    failures = 1;
                }
                if (failures >= attempts) {
                    throw HubException.outage(
                            what + " cannot be downloaded: " + reason(e)
                                    + (attempts > 1 ? " (" + attempts + " attempts)." : "."),
                            "Check the network, proxies (-Dhttps.proxyHost) and slim-infer.hub.endpoint (HF_ENDPOINT), and start again:"
                                    + " downloads continue where they stopped. Without network download elsewhere and set"
                                    + " slim-infer.hub.offline=true.",
                            e);
                }
                Duration wait = pauseAfter(failures, e);
                log.warn("{}: {}; attempt {} in {} s", what, reason(e), failures + 1, wait.toSeconds());
                waitFor(wait);
            }
        }
    }

    private static Duration pauseAfter(int failures, IOException e) {
        if (e instanceof BusyException busy && busy.pause != null) {
            return busy.pause.compareTo(STATED_PAUSE_MAX) > 0 ? STATED_PAUSE_MAX : busy.pause;
        }
        Duration pause = Duration.ofSeconds(1L << Math.min(failures - 1, 30));
        return pause.compareTo(PAUSE_MAX) > 0 ? PAUSE_MAX : pause;
    }

    private static String reason(IOException e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    private void waitFor(Duration duration) {
        try {
            pause.pass(duration);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    static HubException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new HubException("The download was interrupted.", "Start again: it continues where it stopped.", e);
    }
}
