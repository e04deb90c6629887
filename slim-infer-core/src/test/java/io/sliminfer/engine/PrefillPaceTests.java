package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.sliminfer.backend.DeviceClock;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class PrefillPaceTests {

    private static final double SLICE_MICROS = 1000;

    private final Device device = new Device();
    private final PrefillPace pace = new PrefillPace(device, Duration.ofMillis(1));

    /** Has done everything when asked, or nothing until it is waited for; knows how long what was enqueued takes. */
    private static final class Device implements DeviceClock {
        private double enqueuedMicros;
        private double doneMicros;
        private boolean lags;
        private int joins;
        private int held;

        private final class DeviceMark implements Mark {
            private final double micros = enqueuedMicros;

            @Override
            public boolean isPassed() {
                return !lags || micros <= doneMicros;
            }

            @Override
            public void join() {
                if (!isPassed()) {
                    joins++;
                    doneMicros = micros;
                }
            }

            @Override
            public double microsSince(Mark earlier) {
                return micros - ((DeviceMark) earlier).micros;
            }

            @Override
            public void release() {
                held--;
            }
        }

        @Override
        public boolean times(Queue queue) {
            return true;
        }

        @Override
        public Mark mark(Queue queue) {
            held++;
            return new DeviceMark();
        }
    }

    /** Fills a slice with pieces of a size; gives how many there were. */
    private int slice(double pieceFlops, double microsPerPiece) {
        int pieces = 0;
        pace.begin();
        while (pace.hasRoom(pieceFlops)) {
            pace.add(pieceFlops);
            device.enqueuedMicros += microsPerPiece;
            pieces++;
        }
        pace.end();
        return pieces;
    }

    @Test
    void aSliceTakesAboutItsTime() {
        assertThat(slice(100, 50)).as("the speed is not known").isEqualTo(1);
        for (int i = 0; i < 5; i++) {
            assertThat(slice(100, 50)).isEqualTo((int) SLICE_MICROS / 50);
        }
        assertThat(slice(300, 150)).as("larger pieces").isEqualTo(6);
        assertThat(slice(1e9, 5e8)).as("the first piece always fits").isEqualTo(1);
    }

    @Test
    void followsTheSpeedOfTheDevice() {
        slice(100, 50);
        slice(100, 50);
        int pieces = 0;
        for (int i = 0; i < 12; i++) {
            pieces = slice(100, 200);
        }
        assertThat(pieces).as("four times as slow").isEqualTo(5);
        for (int i = 0; i < 12; i++) {
            pieces = slice(100, 25);
        }
        assertThat(pieces).as("eight times as fast").isBetween(39, 40);
    }

    @Test
    void nobodyWaitsForADeviceThatKeepsUp() {
        for (int i = 0; i < 10; i++) {
            slice(100, 50);
        }
        assertThat(device.joins).isZero();
        assertThat(device.held).as("marks in use").isLessThanOrEqualTo(2);
    }

    @Test
    void aDeviceThatLagsHasOneSliceBeforeItWhenTheNextIsEnqueued() {
        device.lags = true;
        for (int i = 0; i < 10; i++) {
            double before = device.enqueuedMicros;
            slice(100, 50);
            double waiting = before - device.doneMicros;
            assertThat(waiting).as("slice %d", i).isBetween(i == 0 ? 0.0 : 50.0, SLICE_MICROS);
        }
        assertThat(device.joins).isEqualTo(8);
        assertThat(device.held).as("marks in use").isLessThanOrEqualTo(4);
    }

    @Test
    void aSliceThatFailedIsForgotten() {
        pace.begin();
        pace.begin();
        pace.end();
        assertThat(device.held).isEqualTo(2);
        assertThatIllegalStateException().isThrownBy(pace::end);
    }
}
