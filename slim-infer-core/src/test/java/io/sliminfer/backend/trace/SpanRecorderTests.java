package io.sliminfer.backend.trace;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.DeviceClock;
import io.sliminfer.backend.DeviceClock.Queue;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SpanRecorderTests {

    private final PlannedDevice device = new PlannedDevice();
    private final List<Span> spans = new ArrayList<>();
    private boolean listening = true;

    private final SpanRecorder recorder = new SpanRecorder(device, new SpanListener() {
        @Override
        public boolean isListening() {
            return listening;
        }

        @Override
        public void onSpan(Span span) {
            spans.add(span);
        }
    });

    /** A device that ends what is enqueued at known times; it has come as far as {@code now}. */
    private static final class PlannedDevice implements DeviceClock {
        private final Map<Queue, Double> ends = new EnumMap<>(Queue.class);
        private double now;
        private int marksHeld;

        private final class PlannedMark implements Mark {
            private final double micros;

            PlannedMark(double micros) {
                this.micros = micros;
            }

            @Override
            public boolean isPassed() {
                return micros <= now;
            }

            @Override
            public void join() {
                throw new UnsupportedOperationException("a recorder never waits");
            }

            @Override
            public double microsSince(Mark earlier) {
                return micros - ((PlannedMark) earlier).micros;
            }

            @Override
            public void release() {
                marksHeld--;
            }
        }

        @Override
        public boolean times(Queue queue) {
            return true;
        }

        @Override
        public Mark mark(Queue queue) {
            marksHeld++;
            return new PlannedMark(end(queue));
        }

        private double end(Queue queue) {
            return ends.getOrDefault(queue, 0.0);
        }

        void run(Queue queue, double micros) {
            // A copy begins after the operations before it.
            ends.put(queue, Math.max(end(queue), end(Queue.COMPUTE)) + micros);
        }
    }

    private void run(Queue queue, String operation, double micros) {
        recorder.begin(queue);
        device.run(queue, micros);
        recorder.end(queue, operation, 1, 0, 0);
    }

    /** Hands on what has ended by now. */
    private void look(double now) {
        device.now = now;
        listening = false;
        run(Queue.COMPUTE, "not listened to", 0);
    }

    @Test
    void handsASpanOnOnceTheDeviceHasPassedItsEnd() {
        run(Queue.COMPUTE, "embed", 10);
        run(Queue.COMPUTE, "rmsNorm", 5);
        device.now = 12;

        run(Queue.COMPUTE, "linear", 20);

        assertThat(spans).extracting(Span::operation).containsExactly("embed");
        look(35);
        assertThat(spans).extracting(Span::operation).containsExactly("embed", "rmsNorm", "linear");
        assertThat(spans).extracting(Span::startMicros).containsExactly(0.0, 10.0, 15.0);
        assertThat(spans).extracting(Span::endMicros).containsExactly(10.0, 15.0, 35.0);
    }

    @Test
    void aCopyBeginsAfterTheOperationsAndTheCopiesBeforeIt() {
        run(Queue.COMPUTE, "ropeAndStore", 10);
        run(Queue.TO_HOST, "first", 30);
        run(Queue.COMPUTE, "attend", 5);
        run(Queue.TO_HOST, "second", 30);
        run(Queue.TO_DEVICE, "third", 7);
        look(100);

        assertThat(spans)
                .filteredOn(span -> span.queue() != Queue.COMPUTE)
                .extracting(span -> span.operation() + " " + span.startMicros() + " " + span.endMicros())
                .containsExactly("first 10.0 40.0", "second 40.0 70.0", "third 15.0 22.0");
    }

    @Test
    void marksNothingWhileNobodyListens() {
        listening = false;

        run(Queue.COMPUTE, "embed", 10);
        look(100);

        assertThat(spans).isEmpty();
        assertThat(device.marksHeld).isZero();
    }

    @Test
    void countsFromTheFirstSpanOfEachTimeItIsListenedTo() {
        run(Queue.COMPUTE, "embed", 10);
        look(10);
        device.run(Queue.COMPUTE, 1_000_000);
        listening = true;

        run(Queue.COMPUTE, "again", 3);
        look(2_000_000);

        assertThat(spans).extracting(Span::startMicros).containsExactly(0.0, 0.0);
        assertThat(spans).extracting(Span::endMicros).containsExactly(10.0, 3.0);
    }

    @Test
    void givesAllMarksBackButTheOrigin() {
        run(Queue.COMPUTE, "embed", 10);
        run(Queue.TO_HOST, "copy", 10);
        look(100);
        listening = true;
        run(Queue.COMPUTE, "again", 3);
        look(200);

        assertThat(device.marksHeld).isEqualTo(1);
    }
}
