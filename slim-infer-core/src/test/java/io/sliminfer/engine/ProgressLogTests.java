package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressLogTests {

    private final AtomicLong clock = new AtomicLong(Long.MAX_VALUE - 5); // a clock may wrap around
    private final ProgressLog progress = new ProgressLog(clock::get);

    @Test
    void nothingIsSaidOfWhatIsDoneSoon() {
        clock.addAndGet(ProgressLog.PERIOD_NANOS - 1);

        assertThat(progress.isDue()).isFalse();
    }

    @Test
    void thenThereIsALineEachPeriod() {
        clock.addAndGet(ProgressLog.PERIOD_NANOS);
        assertThat(progress.isDue()).isTrue();
        assertThat(progress.isDue()).isFalse();

        clock.addAndGet(ProgressLog.PERIOD_NANOS);
        assertThat(progress.isDue()).isTrue();
        assertThat(progress.seconds()).isEqualTo(TimeUnit.NANOSECONDS.toSeconds(2 * ProgressLog.PERIOD_NANOS));
    }
}
