package io.sliminfer.engine;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Says when it is time for a line about something that takes long: not in its first seconds, then now and then. One thread at a time.
 */
final class ProgressLog {

    /** What is done sooner needs no line, and a line more often tells nobody more. */
    static final long PERIOD_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final LongSupplier clock;
    private final long start;
    private long last;

    ProgressLog() {
        this(System::nanoTime);
    }

    ProgressLog(LongSupplier clock) {
        this.clock = clock;
        this.start = clock.getAsLong();
        this.last = start;
    }

    /** Whether to log now; the next line is due a period later. */
    boolean isDue() {
        long now = clock.getAsLong();
        if (now - last < PERIOD_NANOS) {
            return false;
        }
        last = now;
        return true;
    }

    /** Whole seconds since the beginning. */
    long seconds() {
        return TimeUnit.NANOSECONDS.toSeconds(clock.getAsLong() - start);
    }
}
