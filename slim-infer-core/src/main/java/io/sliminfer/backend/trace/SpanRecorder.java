package io.sliminfer.backend.trace;

import io.sliminfer.backend.DeviceClock;
import io.sliminfer.backend.DeviceClock.Mark;
import io.sliminfer.backend.DeviceClock.Queue;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Marks a device's queues around operations, and hands spans on once the device has passed their marks. Engine thread only. */
final class SpanRecorder {

    private final DeviceClock clock;
    private final SpanListener listener;
    private final Map<Queue, Deque<Open>> open = new EnumMap<>(Queue.class);
    private @Nullable Mark origin;
    private @Nullable Mark start;
    private @Nullable Mark queueFree;
    private boolean listened;

    /**
     * Enqueued, not known to have ended.
     *
     * @param queueFree end of what its queue had to do before, where that may be later than {@code start}
     */
    private record Open(
            String operation, long rows, double flops, double bytes, Mark start, @Nullable Mark queueFree, Mark end) {

        Span span(Queue queue, Mark origin) {
            double from = start.microsSince(origin);
            if (queueFree != null) {
                from = Math.max(from, queueFree.microsSince(origin));
            }
            return new Span(queue, operation, rows, from, end.microsSince(origin), flops, bytes);
        }

        void release() {
            start.release();
            end.release();
            if (queueFree != null) {
                queueFree.release();
            }
        }
    }

    SpanRecorder(DeviceClock clock, SpanListener listener) {
        this.clock = clock;
        this.listener = listener;
        for (Queue queue : Queue.values()) {
            open.put(queue, new ArrayDeque<>());
        }
    }

    boolean isListening() {
        return listener.isListening();
    }

    /** Called before something is enqueued; also hands on what has ended since. */
    void begin(Queue queue) {
        drain();
        boolean listens = listener.isListening();
        if (listens && !listened && isDrained()) {
            // Devices tell times as float32: a new origin keeps them exact to a microsecond.
            if (origin != null) {
                origin.release();
            }
            origin = clock.mark(Queue.COMPUTE);
        }
        listened = listens;
        start = null;
        queueFree = null;
        if (listens && clock.times(queue)) {
            // A copy begins after the operations before it and after the copies before it.
            start = clock.mark(Queue.COMPUTE);
            queueFree = queue == Queue.COMPUTE ? null : clock.mark(queue);
        }
    }

    /** Called after it was enqueued. */
    void end(Queue queue, String operation, long rows, double flops, double bytes) {
        Mark from = start;
        if (from != null) {
            open.get(queue).add(new Open(operation, rows, flops, bytes, from, queueFree, clock.mark(queue)));
            start = null;
            queueFree = null;
        }
    }

    private boolean isDrained() {
        for (Deque<Open> of : open.values()) {
            if (!of.isEmpty()) {
                return false;
            }
        }
        return true;
    }

    private void drain() {
        Mark zero = origin;
        if (zero == null) {
            return;
        }
        open.forEach((queue, spans) -> {
            while (!spans.isEmpty() && spans.peek().end.isPassed()) {
                Open ended = spans.remove();
                listener.onSpan(ended.span(queue, zero));
                ended.release();
            }
        });
    }
}
