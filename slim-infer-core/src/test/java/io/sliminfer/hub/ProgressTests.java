package io.sliminfer.hub;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class ProgressTests {

    @Test
    void saysEveryTenSecondsHowFarItIs() {
        ListAppender<ILoggingEvent> logged = new ListAppender<>();
        Logger logger = (Logger) LoggerFactory.getLogger(Progress.class);
        Level level = logger.getLevel();
        logger.setLevel(Level.INFO);
        logger.addAppender(logged);
        logged.start();
        long[] nanos = {0};
        try {
            Progress progress = new Progress("a/b", 2_000_000_000, () -> nanos[0]);
            for (int second = 1; second <= 25; second++) {
                nanos[0] = second * 1_000_000_000L;
                progress.add(40_000_000);
            }
        } finally {
            logger.detachAppender(logged);
            logger.setLevel(level);
        }

        assertThat(logged.list)
                .extracting(ILoggingEvent::getFormattedMessage)
                .containsExactly(
                        "a/b: 400.0 MB of 2,000.0 MB (20 %), 40 MB/s", "a/b: 800.0 MB of 2,000.0 MB (40 %), 40 MB/s");
    }

    @Test
    void writesSizesForPeople() {
        assertThat(Progress.megabytes(0)).isEqualTo("0.0 MB");
        assertThat(Progress.megabytes(16_060_522_496L)).isEqualTo("16,060.5 MB");
    }
}
