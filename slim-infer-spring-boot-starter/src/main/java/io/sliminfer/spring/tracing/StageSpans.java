package io.sliminfer.spring.tracing;

import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.tracing.Span;
import io.micrometer.tracing.Tracer;
import io.micrometer.tracing.handler.TracingObservationHandler.TracingContext;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.spring.SlimInferMetadata;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.observation.ChatModelObservationContext;

/**
 * Adds spans for the queue, each prefill stage and decode to the span of a chat operation, when it stops. They are made by the tracer
 * with the times of the request's report, not as observations: an observation starts and stops when it is told to, and the engine's
 * thread, which knows the moments, must not wait for handlers. Spans never carry text.
 *
 * <p>A request that failed or was cancelled before its answer ended has no report, and no such spans.
 */
public final class StageSpans implements ObservationHandler<ChatModelObservationContext> {

    private final Tracer tracer;

    public StageSpans(Tracer tracer) {
        this.tracer = tracer;
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
        return context instanceof ChatModelObservationContext;
    }

    @Override
    public void onStop(ChatModelObservationContext context) {
        GenerationReport report = report(context.getResponse());
        TracingContext tracing = context.get(TracingContext.class);
        if (report != null && tracing != null && tracing.getSpan() != null) {
            add(tracing.getSpan(), report);
        }
    }

    private static @Nullable GenerationReport report(@Nullable ChatResponse response) {
        return response == null ? null : response.getMetadata().get(SlimInferMetadata.REPORT);
    }

    private void add(Span parent, GenerationReport report) {
        Instant at =
                span(parent, "queue", report.submittedAt(), report.queued()).end();
        Instant firstToken = at.plus(report.prefill());
        List<Duration> times = report.prefillStages();
        for (int i = 0; i < times.size(); i++) {
            GenerationReport.Stage stage = report.stages().get(i);
            at = span(parent, "prefill stage " + i, at, times.get(i))
                    .tag("slim_infer.first_layer", stage.firstLayer())
                    .tag("slim_infer.last_layer", stage.lastLayer())
                    .tag("slim_infer.live_tokens", stage.liveTokens())
                    .tag("slim_infer.cached_tokens", i == 0 ? report.cachedTokens() : 0)
                    .end();
        }
        if (report.generatedTokens() > 1) {
            span(parent, "decode", firstToken, report.decode())
                    .tag("slim_infer.generated_tokens", report.generatedTokens())
                    .end();
        }
    }

    private Timed span(Span parent, String name, Instant from, Duration took) {
        return new Timed(
                tracer.spanBuilder()
                        .setParent(parent.context())
                        .name("slim_infer " + name)
                        .startTimestamp(nanos(from), TimeUnit.NANOSECONDS),
                from.plus(took));
    }

    private static long nanos(Instant instant) {
        return TimeUnit.SECONDS.toNanos(instant.getEpochSecond()) + instant.getNano();
    }

    /** A span whose end is known before it is started. */
    private record Timed(Span.Builder span, Instant until) {

        Timed tag(String key, long value) {
            span.tag(key, value);
            return this;
        }

        Instant end() {
            span.start().end(nanos(until), TimeUnit.NANOSECONDS);
            return until;
        }
    }
}
