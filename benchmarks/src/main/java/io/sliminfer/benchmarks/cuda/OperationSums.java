package io.sliminfer.benchmarks.cuda;

import io.sliminfer.backend.DeviceClock.Queue;
import io.sliminfer.backend.trace.Span;
import io.sliminfer.benchmarks.report.Spread;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Spans summed by operation. */
final class OperationSums {

    /** Between two operations: the device waits for the host, or runs what no span stands for. */
    static final String IDLE = "(between operations)";

    private static final class Sum {
        private final Queue queue;
        private final String operation;
        private long calls;
        private double micros;
        private double flops;
        private double bytes;

        Sum(Queue queue, String operation) {
            this.queue = queue;
            this.operation = operation;
        }
    }

    private OperationSums() {}

    /**
     * For a line of results: the time from the first operation's start to the last one's end, and what of it each operation took, the
     * longest first; copies run beside that.
     *
     * @throws IllegalArgumentException if no operation is among the spans
     */
    static Map<String, Object> of(List<Span> spans) {
        Map<String, Sum> sums = new LinkedHashMap<>();
        double from = Double.MAX_VALUE;
        double to = 0;
        double busy = 0;
        for (Span span : spans) {
            Sum sum = sums.computeIfAbsent(
                    span.queue() + " " + span.operation(), key -> new Sum(span.queue(), span.operation()));
            sum.calls++;
            sum.micros += span.micros();
            sum.flops += span.flops();
            sum.bytes += span.bytes();
            if (span.queue() == Queue.COMPUTE) {
                from = Math.min(from, span.startMicros());
                to = Math.max(to, span.endMicros());
                busy += span.micros();
            }
        }
        if (to <= from) {
            throw new IllegalArgumentException("no operation was timed");
        }
        Sum idle = new Sum(Queue.COMPUTE, IDLE);
        idle.micros = Math.max(0, to - from - busy);
        sums.put(IDLE, idle);
        List<Map<String, Object>> operations = new ArrayList<>();
        double window = to - from;
        sums.values().stream()
                .sorted(Comparator.comparing((Sum sum) -> sum.queue)
                        .thenComparing(sum -> sum.micros, Comparator.reverseOrder()))
                .forEach(sum -> operations.add(line(sum, window)));
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("millis", Spread.rounded(window / 1e3));
        result.put("operations", operations);
        return result;
    }

    private static Map<String, Object> line(Sum sum, double window) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("queue", label(sum.queue));
        line.put("operation", sum.operation);
        line.put("calls", sum.calls);
        line.put("millis", Spread.rounded(sum.micros / 1e3));
        line.put("share", Spread.rounded(sum.micros / window));
        if (sum.flops > 0 && sum.micros > 0) {
            line.put("flopsPerSecond", Spread.rounded(sum.flops / sum.micros * 1e6));
        }
        if (sum.bytes > 0 && sum.micros > 0) {
            line.put("bytesPerSecond", Spread.rounded(sum.bytes / sum.micros * 1e6));
        }
        return line;
    }

    /** In results: {@code compute}, {@code to host}, {@code to device}. */
    static String label(Queue queue) {
        return queue.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
