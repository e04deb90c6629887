package io.sliminfer.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Ends streams that bring nothing for a while. A read cannot be given a time-out, but closing its stream from elsewhere ends it. */
final class StallWatch implements AutoCloseable {

    private final Duration limit;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "slim-infer-hub-stalls");
        thread.setDaemon(true);
        return thread;
    });

    StallWatch(Duration limit) {
        this.limit = limit;
    }

    Watched watch(InputStream stream) {
        return new Watched(stream);
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }

    /** A stream that is read by one thread. */
    final class Watched implements AutoCloseable {

        private final InputStream stream;
        private final ScheduledFuture<?> looks;
        private volatile long lastNanos = System.nanoTime();
        private volatile boolean stalled;

        Watched(InputStream stream) {
            this.stream = stream;
            long period = Math.max(1, limit.toMillis() / 4);
            this.looks = timer.scheduleAtFixedRate(this::look, period, period, TimeUnit.MILLISECONDS);
        }

        private void look() {
            if (System.nanoTime() - lastNanos > limit.toNanos()) {
                stalled = true;
                try {
                    stream.close();
                } catch (IOException e) {
                    // It was to end, and did.
                }
            }
        }

        /** As {@link InputStream#read(byte[])}. */
        int read(byte[] chunk) throws IOException {
            int read;
            try {
                read = stream.read(chunk);
            } catch (IOException e) {
                throw stalled ? stall() : new IOException("the connection broke (" + e.getMessage() + ")", e);
            }
            lastNanos = System.nanoTime();
            if (read < 0 && stalled) {
                throw stall();
            }
            return read;
        }

        private IOException stall() {
            return new IOException("nothing came for " + limit.toSeconds() + " s");
        }

        @Override
        public void close() throws IOException {
            looks.cancel(false);
            stream.close();
        }
    }
}
