package io.sliminfer.hub;

import java.util.Locale;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says in the log how far a download is, every ten seconds. One thread. */
final class Progress {

    private static final Logger log = LoggerFactory.getLogger(Progress.class);
    private static final long PERIOD_NANOS = 10_000_000_000L;
    private static final double MEGABYTE = 1e6;

    private final String what;
    private final long total;
    private final LongSupplier nanoTime;
    private long done;
    private long saidNanos;
    private long saidBytes;

    Progress(String what, long total, LongSupplier nanoTime) {
        this.what = what;
        this.total = total;
        this.nanoTime = nanoTime;
        this.saidNanos = nanoTime.getAsLong();
    }

    /** @param bytes that came; negative if some have to come again */
    void add(long bytes) {
        done += bytes;
        long now = nanoTime.getAsLong();
        if (now - saidNanos >= PERIOD_NANOS) {
            double seconds = (now - saidNanos) / 1e9;
            log.info(
                    "{}: {} of {} ({} %), {} MB/s",
                    what,
                    megabytes(done),
                    megabytes(total),
                    total == 0 ? 100 : 100 * done / total,
                    Math.round(Math.max(0, done - saidBytes) / MEGABYTE / seconds));
            saidNanos = now;
            saidBytes = done;
        }
    }

    static String megabytes(long bytes) {
        return String.format(Locale.ROOT, "%,.1f MB", bytes / MEGABYTE);
    }
}
