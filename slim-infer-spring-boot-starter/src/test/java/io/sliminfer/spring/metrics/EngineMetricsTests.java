package io.sliminfer.spring.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.distribution.CountAtBucket;
import io.micrometer.core.instrument.search.RequiredSearch;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.sliminfer.engine.EngineException;
import io.sliminfer.engine.EngineState;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.LiveRequest;
import io.sliminfer.engine.RequestInfo;
import io.sliminfer.engine.StepStats;
import io.sliminfer.kv.KvTransfers;
import io.sliminfer.spring.FakeChatEngine;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EngineMetricsTests {

    private static final RequestInfo PRUNED = new RequestInfo(1, 8192, 100, true);
    private static final RequestInfo DENSE = new RequestInfo(2, 500, 100, false);

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final FakeChatEngine engine = new FakeChatEngine();
    private final EngineMetrics metrics = new EngineMetrics(registry);

    @BeforeEach
    void open() {
        metrics.opened(engine);
    }

    @Test
    void timesARequestByLengthAndPruning() {
        metrics.started(PRUNED, Duration.ofMillis(200), 1024);
        metrics.firstToken(PRUNED, Duration.ofMillis(200), Duration.ofMillis(1300));
        metrics.finished(PRUNED, FinishReason.LENGTH, report(PRUNED, 11, Duration.ofSeconds(1)));

        assertThat(of(EngineMeter.TIME_TO_FIRST_TOKEN).timer().totalTime(TimeUnit.MILLISECONDS))
                .isEqualTo(1500);
        assertThat(of(EngineMeter.TIME_PER_OUTPUT_TOKEN).timer().totalTime(TimeUnit.MILLISECONDS))
                .isEqualTo(100);
        assertThat(of(EngineMeter.REQUEST_DURATION).timer().totalTime(TimeUnit.MILLISECONDS))
                .isEqualTo(2500);
        assertThat(of(EngineMeter.QUEUE_TIME).timer().totalTime(TimeUnit.MILLISECONDS))
                .isEqualTo(200);
        assertThat(of(EngineMeter.PREFILL_TIME).timer().totalTime(TimeUnit.MILLISECONDS))
                .isEqualTo(1300);
        assertThat(tags(EngineMeter.TIME_TO_FIRST_TOKEN))
                .containsExactlyInAnyOrder(
                        Tag.of("gen_ai.operation.name", "chat"),
                        Tag.of("gen_ai.provider.name", "slim_infer"),
                        Tag.of("gen_ai.request.model", FakeChatEngine.MODEL),
                        Tag.of("gen_ai.response.model", FakeChatEngine.MODEL),
                        Tag.of("prompt.length", "4k-16k"),
                        Tag.of("pruned", "true"));
        assertThat(tags(EngineMeter.REQUEST_DURATION)).contains(Tag.of("error.type", "none"));
    }

    @Test
    void countsTokensAndWhatPruningSaved() {
        metrics.started(PRUNED, Duration.ZERO, 1024);
        metrics.firstToken(PRUNED, Duration.ZERO, Duration.ofSeconds(1));
        metrics.step(new StepStats(1, 0, 5));
        metrics.step(new StepStats(1, 0, 5));
        metrics.finished(PRUNED, FinishReason.STOP, report(PRUNED, 3, Duration.ofSeconds(1)));

        assertThat(count(EngineMeter.PROMPT_TOKENS)).isEqualTo(8192);
        assertThat(count(EngineMeter.CACHED_TOKENS)).isEqualTo(1024);
        assertThat(count(EngineMeter.GENERATED_TOKENS)).isEqualTo(3);
        assertThat(count(EngineMeter.PRUNED_TOKENS)).isEqualTo(8192 - 2048);
        assertThat(count(EngineMeter.PRUNED_FLOPS)).isEqualTo(3e12);
        assertThat(of(EngineMeter.PRUNED_SHARE).summary().mean()).isEqualTo(0.5);
    }

    @Test
    void countsWhatMovedAndForHowLongItWasAwaited() {
        metrics.finished(PRUNED, FinishReason.STOP, report(PRUNED, 3, Duration.ofSeconds(1)));

        assertThat(of(EngineMeter.KV_MOVED)
                        .tag("direction", "to_host")
                        .counter()
                        .count())
                .isEqualTo(100);
        assertThat(of(EngineMeter.KV_MOVED)
                        .tag("direction", "to_device")
                        .counter()
                        .count())
                .isEqualTo(200);
        assertThat(count(EngineMeter.KV_WAITS)).isEqualTo(4);
        assertThat(count(EngineMeter.KV_WAITED)).isCloseTo(0.03, within(1e-9));
    }

    @Test
    void aRequestWithoutAFirstTokenHasADurationOnly() {
        metrics.finished(PRUNED, FinishReason.CANCELLED, report(PRUNED, 0, Duration.ZERO));

        assertThat(registry.find(EngineMeter.TIME_TO_FIRST_TOKEN.meterName()).timers())
                .allMatch(timer -> timer.count() == 0);
        assertThat(of(EngineMeter.REQUEST_DURATION).timer().count()).isOne();
        assertThat(count(EngineMeter.PRUNED_TOKENS)).isZero();
        assertThat(of(EngineMeter.REQUESTS_FINISHED)
                        .tag("reason", "cancelled")
                        .counter()
                        .count())
                .isOne();
    }

    @Test
    void aFailureHasItsKind() {
        metrics.failed(
                DENSE,
                new EngineException(EngineException.Kind.INVALID_LOGITS, "NaN"),
                report(DENSE, 1, Duration.ZERO));

        assertThat(of(EngineMeter.REQUESTS_FAILED)
                        .tag("kind", "invalid_logits")
                        .counter()
                        .count())
                .isOne();
        assertThat(tags(EngineMeter.REQUEST_DURATION)).contains(Tag.of("error.type", "invalid_logits"));
    }

    @ParameterizedTest
    @EnumSource(EngineException.Kind.class)
    void errorsAreCountedFromZero(EngineException.Kind kind) {
        RequiredSearch refusals = of(EngineMeter.REQUESTS_REFUSED).tag("kind", MeterFactory.value(kind));
        assertThat(refusals.counter().count()).isZero();
        assertThat(of(EngineMeter.REQUESTS_FAILED)
                        .tag("kind", MeterFactory.value(kind))
                        .counter()
                        .count())
                .isZero();

        metrics.refused(kind);

        assertThat(refusals.counter().count()).isOne();
    }

    @Test
    void aStepWithoutDecodeIsNoBatch() {
        metrics.step(new StepStats(0, 3, 5));
        metrics.step(new StepStats(6, 1, 5));

        assertThat(of(EngineMeter.BATCH_SIZE).summary().count()).isOne();
        assertThat(of(EngineMeter.BATCH_SIZE).summary().max()).isEqualTo(6);
    }

    @Test
    void gaugesReadTheSnapshotOfTheMoment() {
        assertThat(gauge(EngineMeter.ENGINE_UP)).isOne();
        assertThat(gauge(EngineMeter.QUEUE_DEPTH)).isZero();

        engine.snapshot = FakeChatEngine.snapshot(
                EngineState.FAILED,
                new IllegalStateException(),
                live(1, LiveRequest.State.DECODING),
                live(2, LiveRequest.State.PREFILLING),
                live(3, LiveRequest.State.WAITING),
                live(4, LiveRequest.State.WAITING));

        assertThat(gauge(EngineMeter.ENGINE_UP)).isZero();
        assertThat(gauge(EngineMeter.QUEUE_DEPTH)).isEqualTo(2);
        assertThat(gauge(EngineMeter.QUEUE_CAPACITY)).isEqualTo(2);
        assertThat(gauge(EngineMeter.BATCH_MAX)).isEqualTo(2);
        assertThat(gauge(EngineMeter.RUNNING, "state", "prefill")).isOne();
        assertThat(gauge(EngineMeter.RUNNING, "state", "decode")).isOne();
        assertThat(gauge(EngineMeter.KV_SLOTS, "tier", "device")).isEqualTo(100);
        assertThat(gauge(EngineMeter.KV_SLOTS_USED, "tier", "device")).isEqualTo(40);
        assertThat(gauge(EngineMeter.KV_SLOTS_USED, "tier", "host")).isEqualTo(20);
        assertThat(gauge(EngineMeter.KV_SLOTS_USED, "tier", "disk")).isEqualTo(10);
        assertThat(gauge(EngineMeter.PREFIX_SLOTS)).isEqualTo(5);
        assertThat(of(EngineMeter.PREFIX_REQUESTS).functionCounter().count()).isEqualTo(11);
        assertThat(of(EngineMeter.PREFIX_HITS).functionCounter().count()).isEqualTo(7);
        assertThat(gauge(EngineMeter.MEMORY, "kind", "weights")).isEqualTo(1000);
        assertThat(gauge(EngineMeter.MEMORY, "kind", "kv_cache")).isEqualTo(2000);
        assertThat(gauge(EngineMeter.MEMORY, "kind", "prefixes")).isEqualTo(300);
        assertThat(gauge(EngineMeter.MEMORY, "kind", "workspace")).isEqualTo(400);
        assertThat(gauge(EngineMeter.MEMORY, "kind", "kv_host")).isEqualTo(500);
        assertThat(gauge(EngineMeter.MEMORY, "kind", "kv_disk")).isEqualTo(600);
        assertThat(gauge(EngineMeter.DEVICE_MEMORY_PEAK)).isEqualTo(7000);
    }

    @Test
    void longPromptsHaveBucketsOfTheirOwn() {
        metrics.firstToken(PRUNED, Duration.ofSeconds(20), Duration.ofSeconds(30));

        Timer timer = of(EngineMeter.TIME_TO_FIRST_TOKEN).timer();
        assertThat(Arrays.stream(timer.takeSnapshot().histogramCounts()).map(bucket -> bucket.bucket(TimeUnit.SECONDS)))
                .contains(0.001, 0.25, 10.0, 15.0, 30.0, 60.0, 120.0);
        assertThat(Arrays.stream(timer.takeSnapshot().histogramCounts())
                        .filter(bucket -> bucket.bucket(TimeUnit.SECONDS) == 60)
                        .mapToDouble(CountAtBucket::count))
                .containsExactly(1.0);
    }

    @Test
    void prometheusHasTheNamesThatDashboardsUse() {
        PrometheusMeterRegistry prometheus = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        EngineMetrics scraped = new EngineMetrics(prometheus);
        scraped.opened(engine);
        scraped.firstToken(PRUNED, Duration.ofMillis(1), Duration.ofMillis(1));
        scraped.step(new StepStats(3, 0, 5));
        scraped.finished(PRUNED, FinishReason.STOP, report(PRUNED, 3, Duration.ofSeconds(1)));

        assertThat(prometheus.scrape())
                .contains("gen_ai_server_time_to_first_token_seconds_bucket{")
                .contains("gen_ai_server_time_per_output_token_seconds_bucket{")
                .contains("gen_ai_server_request_duration_seconds_count{")
                .contains("prompt_length=\"4k-16k\",pruned=\"true\",le=\"120.0\"")
                .contains("slim_infer_generated_tokens_total{")
                .contains("slim_infer_kv_moved_bytes_total{")
                .contains("slim_infer_batch_size_bucket{")
                .contains("# HELP slim_infer_kv_slots_used Slots with blocks of running requests");
    }

    @Test
    void nothingIsRecordedBeforeTheEngineIsOpen() {
        SimpleMeterRegistry empty = new SimpleMeterRegistry();
        EngineMetrics early = new EngineMetrics(empty);

        early.refused(EngineException.Kind.QUEUE_FULL);
        early.step(new StepStats(1, 0, 1));

        assertThat(empty.getMeters()).isEmpty();
    }

    @Test
    void everySeriesHasTheTagsThatItsMeterNames() {
        metrics.started(PRUNED, Duration.ZERO, 0);
        metrics.firstToken(PRUNED, Duration.ZERO, Duration.ZERO);
        metrics.finished(PRUNED, FinishReason.STOP, report(PRUNED, 3, Duration.ofSeconds(1)));

        for (EngineMeter meter : EngineMeter.values()) {
            assertThat(registry.get(meter.meterName()).meters())
                    .as(meter.meterName())
                    .isNotEmpty()
                    .allSatisfy(series -> assertThat(keys(series)).isEqualTo(Set.copyOf(meter.tags())));
        }
        assertThat(registry.getMeters().stream()
                        .map(meter -> meter.getId().getName())
                        .filter(name -> !name.endsWith(".histogram")) // how this registry shows buckets
                        .collect(Collectors.toSet()))
                .hasSize(EngineMeter.values().length);
    }

    private static Set<String> keys(Meter meter) {
        return meter.getId().getTags().stream().map(Tag::getKey).collect(Collectors.toSet());
    }

    private RequiredSearch of(EngineMeter meter) {
        return registry.get(meter.meterName());
    }

    private double count(EngineMeter meter) {
        return of(meter).counter().count();
    }

    private double gauge(EngineMeter meter, String... tags) {
        return of(meter).tags(tags).gauge().value();
    }

    private List<Tag> tags(EngineMeter meter) {
        return of(meter).meter().getId().getTags();
    }

    private static LiveRequest live(long id, LiveRequest.State state) {
        return new LiveRequest(id, state, 100, 0, Duration.ofSeconds(1));
    }

    /** 0.2 s in the queue, 1.3 s of prefill. */
    private static GenerationReport report(RequestInfo request, int generated, Duration decode) {
        return new GenerationReport(
                request.id(),
                request.promptTokens(),
                0,
                generated,
                List.of(
                        new GenerationReport.Stage(0, 3, request.promptTokens(), List.of()),
                        new GenerationReport.Stage(4, 7, Math.min(2048, request.promptTokens()), List.of())),
                0.5,
                0.6,
                3e12,
                1 << 20,
                new KvTransfers(100, 200, 10, 5, 4, Duration.ofMillis(30), Duration.ofMillis(60)),
                1,
                Instant.EPOCH,
                Duration.ofMillis(200),
                Duration.ofMillis(1300),
                List.of(),
                decode);
    }
}
