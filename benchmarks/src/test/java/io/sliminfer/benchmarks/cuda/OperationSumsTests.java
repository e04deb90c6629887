package io.sliminfer.benchmarks.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.backend.DeviceClock.Queue;
import io.sliminfer.backend.trace.Span;
import io.sliminfer.benchmarks.report.JsonLines;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class OperationSumsTests {

    @Test
    void sumsByOperationTheLongestFirstAndCopiesApart() {
        JsonNode sums = JsonLines.node(OperationSums.of(List.of(
                new Span(Queue.COMPUTE, "rmsNorm", 8, 100, 200, 0, 3e8),
                new Span(Queue.COMPUTE, "linear 4x4", 8, 250, 650, 2e11, 1e8),
                new Span(Queue.COMPUTE, "linear 4x4", 8, 700, 1100, 2e11, 1e8),
                new Span(Queue.TO_HOST, "KV to host", 3, 50, 2000, 0, 1e8))));

        assertThat(sums.path("millis").asDouble()).as("copies do not count").isEqualTo(1);
        assertThat(sums.path("operations"))
                .extracting(line -> line.path("queue").asString() + " "
                        + line.path("operation").asString() + " "
                        + line.path("calls").asInt() + " "
                        + line.path("millis").asDouble() + " "
                        + line.path("share").asDouble())
                .containsExactly(
                        "compute linear 4x4 2 0.8 0.8",
                        "compute rmsNorm 1 0.1 0.1",
                        "compute (between operations) 0 0.1 0.1",
                        "to host KV to host 1 1.95 1.95");
        JsonNode linear = sums.path("operations").get(0);
        assertThat(linear.path("flopsPerSecond").asDouble()).isEqualTo(5e14);
        assertThat(linear.path("bytesPerSecond").asDouble()).isEqualTo(2.5e11);
    }

    @Test
    void refusesSpansWithoutOperations() {
        assertThatThrownBy(() -> OperationSums.of(List.of())).hasMessage("no operation was timed");
    }
}
