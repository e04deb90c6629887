package io.sliminfer.engine;

import io.sliminfer.backend.DeviceClock;
import io.sliminfer.backend.DeviceClock.Mark;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Cuts prefills into slices of about the same time on the device, and keeps the host from running further ahead of it than two of them:
 * so answers wait for one slice at most, and a cancel takes effect before the third. How much fits a slice follows from what the last ones
 * took. Engine thread only.
 *
 * <p>Before a slice is enqueued the one before the last has ended. The last one is still running then, so that a device with a queue never
 * stands still; on a host that runs operations at once nobody waits.
 */
final class PrefillPace {

    /** Slices that may be enqueued without having ended, the one that is being enqueued not counted. */
    private static final int AHEAD_MAX = 1;

    /** Of a slice's rate, so much goes into the estimate. */
    private static final double NEWEST_SHARE = 0.5;

    private record Slice(Mark begin, Mark end, double flops) {

        double micros() {
            return end.microsSince(begin);
        }

        void release() {
            begin.release();
            end.release();
        }
    }

    private final DeviceClock clock;
    private final double sliceMicros;
    private final Deque<Slice> ahead = new ArrayDeque<>();
    private @Nullable Mark begin;
    private double flops;
    /** FLOPs in a microsecond, or 0 before the first slice has ended. */
    private double rate;

    PrefillPace(DeviceClock clock, Duration slice) {
        this.clock = clock;
        this.sliceMicros = slice.toNanos() / 1e3;
    }

    /** A slice begins; waits until the device is near enough. */
    void begin() {
        while (ahead.size() > AHEAD_MAX || (!ahead.isEmpty() && ahead.peek().end.isPassed())) {
            settle(ahead.remove());
        }
        if (begin != null) {
            begin.release(); // of a slice that failed
        }
        flops = 0;
        begin = clock.mark(DeviceClock.Queue.COMPUTE);
    }

    private void settle(Slice slice) {
        slice.end.join();
        double now = slice.flops / Math.max(1, slice.micros());
        rate = rate == 0 ? now : (1 - NEWEST_SHARE) * rate + NEWEST_SHARE * now;
        slice.release();
    }

    /** Whether the slice has room for a piece of work. The first one it always has. */
    boolean hasRoom(double pieceFlops) {
        return flops == 0 || flops + pieceFlops <= rate * sliceMicros;
    }

    /** A piece of work is enqueued. */
    void add(double pieceFlops) {
        flops += pieceFlops;
    }

    /** The slice is enqueued. */
    void end() {
        if (begin == null) {
            throw new IllegalStateException("a slice ends that has not begun");
        }
        ahead.add(new Slice(begin, clock.mark(DeviceClock.Queue.COMPUTE), flops));
        begin = null;
    }
}
