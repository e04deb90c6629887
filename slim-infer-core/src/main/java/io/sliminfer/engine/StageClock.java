package io.sliminfer.engine;

import io.sliminfer.backend.DeviceClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Times the stages of one prefill by marks in the device's queue, which nobody waits for: the time is the device's, not that of
 * enqueuing. Engine thread only.
 */
final class StageClock {

    private final DeviceClock clock;
    private final List<DeviceClock.Mark> ends = new ArrayList<>();
    private DeviceClock.@Nullable Mark start;

    StageClock(DeviceClock clock) {
        this.clock = clock;
        this.start = clock.mark(DeviceClock.Queue.COMPUTE);
    }

    /** The last layer of the next stage is enqueued. */
    void stageEnds() {
        ends.add(clock.mark(DeviceClock.Queue.COMPUTE));
    }

    /** Time of each stage. All that was enqueued has ended. */
    List<Duration> times() {
        List<Duration> times = new ArrayList<>(ends.size());
        DeviceClock.Mark before = start;
        for (DeviceClock.Mark end : ends) {
            if (before != null) {
                times.add(Duration.ofNanos(Math.round(end.microsSince(before) * 1e3)));
            }
            before = end;
        }
        return List.copyOf(times);
    }

    /** The marks may be used again. May be called twice. */
    void release() {
        if (start != null) {
            start.release();
            start = null;
        }
        ends.forEach(DeviceClock.Mark::release);
        ends.clear();
    }
}
