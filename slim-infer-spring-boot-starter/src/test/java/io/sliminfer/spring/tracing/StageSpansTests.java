package io.sliminfer.spring.tracing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.micrometer.observation.ObservationRegistry;
import io.micrometer.tracing.Tracer;
import io.micrometer.tracing.handler.DefaultTracingObservationHandler;
import io.micrometer.tracing.otel.bridge.OtelCurrentTraceContext;
import io.micrometer.tracing.otel.bridge.OtelTracer;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.sliminfer.engine.EngineException;
import io.sliminfer.spring.FakeChatEngine;
import io.sliminfer.spring.SlimInferChatModel;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.ai.chat.prompt.Prompt;

class StageSpansTests {

    private static final String CHAT = "chat " + FakeChatEngine.MODEL;

    private final InMemorySpanExporter exporter = InMemorySpanExporter.create();
    private final SdkTracerProvider provider = SdkTracerProvider.builder()
            .addSpanProcessor(SimpleSpanProcessor.create(exporter))
            .build();
    private final Tracer tracer = new OtelTracer(provider.get("test"), new OtelCurrentTraceContext(), event -> {});
    private final ObservationRegistry registry = ObservationRegistry.create();
    private final FakeChatEngine engine = new FakeChatEngine("The ", "answer", ".");
    private final SlimInferChatModel model = SlimInferChatModel.builder()
            .engine(engine)
            .observationRegistry(registry)
            .build();

    @BeforeEach
    void trace() {
        registry.observationConfig()
                .observationHandler(new DefaultTracingObservationHandler(tracer))
                .observationHandler(new StageSpans(tracer));
    }

    @AfterEach
    void close() {
        provider.close();
    }

    @Test
    void aCallHasASpanForEachStage() {
        model.call(new Prompt("Question?"));

        assertStages();
    }

    @Test
    void soHasAStream() {
        model.stream(new Prompt("Question?")).blockLast();

        assertStages();
    }

    /** 5 ms in the queue, 80 and 35 ms of prefill in 120, 30 ms of decode. */
    private void assertStages() {
        Map<String, SpanData> spans = spans();
        SpanData chat = spans.get(CHAT);
        assertThat(spans)
                .containsOnlyKeys(
                        CHAT,
                        "slim_infer queue",
                        "slim_infer prefill stage 0",
                        "slim_infer prefill stage 1",
                        "slim_infer decode");
        assertTime(spans.get("slim_infer queue"), 0, 5);
        assertTime(spans.get("slim_infer prefill stage 0"), 5, 85);
        assertTime(spans.get("slim_infer prefill stage 1"), 85, 120);
        assertTime(spans.get("slim_infer decode"), 125, 155);
        assertThat(attribute(spans.get("slim_infer prefill stage 1"), "slim_infer.first_layer"))
                .isEqualTo(4);
        assertThat(attribute(spans.get("slim_infer prefill stage 1"), "slim_infer.last_layer"))
                .isEqualTo(7);
        assertThat(attribute(spans.get("slim_infer prefill stage 1"), "slim_infer.live_tokens"))
                .isEqualTo(2048);
        assertThat(attribute(spans.get("slim_infer prefill stage 0"), "slim_infer.cached_tokens"))
                .isEqualTo(1024);
        assertThat(attribute(spans.get("slim_infer decode"), "slim_infer.generated_tokens"))
                .isEqualTo(3);
        assertThat(spans.values())
                .allSatisfy(span -> assertThat(span.getTraceId()).isEqualTo(chat.getTraceId()));
        assertThat(spans.values())
                .filteredOn(span -> span != chat)
                .allSatisfy(span -> assertThat(span.getParentSpanId()).isEqualTo(chat.getSpanId()));
    }

    private static void assertTime(SpanData span, int fromMillis, int toMillis) {
        long submitted =
                TimeUnit.SECONDS.toNanos(FakeChatEngine.REPORT.submittedAt().getEpochSecond());
        assertThat(span.getStartEpochNanos() - submitted).isEqualTo(TimeUnit.MILLISECONDS.toNanos(fromMillis));
        assertThat(span.getEndEpochNanos() - submitted).isEqualTo(TimeUnit.MILLISECONDS.toNanos(toMillis));
    }

    private static Long attribute(SpanData span, String key) {
        return span.getAttributes().get(AttributeKey.longKey(key));
    }

    @Test
    void aFailedRequestHasNoStages() {
        engine.failure = new EngineException(EngineException.Kind.INTERNAL, "lost");

        assertThatExceptionOfType(EngineException.class).isThrownBy(() -> model.call(new Prompt("Question?")));

        assertThat(spans()).containsOnlyKeys(CHAT);
    }

    private Map<String, SpanData> spans() {
        return exporter.getFinishedSpanItems().stream()
                .collect(Collectors.toMap(SpanData::getName, Function.identity()));
    }
}
