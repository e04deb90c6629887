package io.sliminfer.spring.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.sliminfer.chat.ChatEngine;
import io.sliminfer.engine.EngineException;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.RequestInfo;
import io.sliminfer.engine.StepStats;
import io.sliminfer.kv.KvTransfers;
import io.sliminfer.spring.ChatEngineListener;
import io.sliminfer.spring.PromptLength;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Feeds the meters of {@link EngineMeter} from what an engine tells. Counters of errors and ends start at zero, so that a rate sees the
 * first of them; series by prompt length begin with the first such prompt. The engine's thread records; {@link #refused} may come on
 * any.
 */
public final class EngineMetrics implements ChatEngineListener {

    /** Value of {@link EngineMeter.GenAi#ERROR} where there was none, as Spring's own metrics have it. */
    static final String NO_ERROR = "none";

    private final MeterRegistry registry;
    private volatile @Nullable Meters meters;

    public EngineMetrics(MeterRegistry registry) {
        this.registry = registry;
    }

    @Override
    public void opened(ChatEngine engine) {
        MeterFactory factory = new MeterFactory(registry, engine.modelName());
        EngineGauges.register(factory, engine.engine());
        meters = new Meters(factory);
    }

    @Override
    public void refused(EngineException.Kind kind) {
        Meters known = meters;
        if (known != null) {
            known.refused.get(kind).increment();
        }
    }

    @Override
    public void started(RequestInfo request, Duration queued, int cachedTokens) {
        Meters known = meters;
        if (known != null) {
            known.queueTime.record(queued);
            known.of(request).cachedTokens.increment(cachedTokens);
        }
    }

    @Override
    public void firstToken(RequestInfo request, Duration queued, Duration prefill) {
        Meters known = meters;
        if (known != null) {
            PromptMeters prompt = known.of(request);
            prompt.timeToFirstToken.record(queued.plus(prefill));
            prompt.prefillTime.record(prefill);
            prompt.promptTokens.increment(request.promptTokens());
            known.generatedTokens.increment();
        }
    }

    @Override
    public void step(StepStats step) {
        Meters known = meters;
        if (known != null && step.decodeBatch() > 0) {
            known.batchSize.record(step.decodeBatch());
            known.generatedTokens.increment(step.decodeBatch());
        }
    }

    @Override
    public void finished(RequestInfo request, FinishReason reason, GenerationReport report) {
        Meters known = meters;
        if (known != null) {
            known.finished.get(reason).increment();
            PromptMeters prompt = known.of(request);
            if (reason != FinishReason.CANCELLED && report.generatedTokens() > 1) {
                prompt.timePerOutputToken.record(report.perToken());
            }
            ended(known, prompt, NO_ERROR, report);
        }
    }

    @Override
    public void failed(RequestInfo request, EngineException failure, GenerationReport report) {
        Meters known = meters;
        if (known != null) {
            known.failed.get(failure.kind()).increment();
            ended(known, known.of(request), MeterFactory.value(failure.kind()), report);
        }
    }

    private static void ended(Meters meters, PromptMeters prompt, String error, GenerationReport report) {
        prompt.duration(error).record(report.timeToFirstToken().plus(report.decode()));
        if (report.generatedTokens() > 0) { // of a prefill that did not come to its end, only the plan is known
            prompt.prunedShare.record(report.prunedShare());
            prompt.prunedTokens.increment(prunedTokens(report));
            prompt.prunedFlops.increment(report.flopsSaved());
        }
        KvTransfers moved = report.transfers();
        meters.bytesToHost.increment(moved.bytesToHost());
        meters.bytesToDevice.increment(moved.bytesToDevice());
        meters.waits.increment(moved.waits());
        meters.waited.increment(moved.waited().toNanos() / 1e9);
    }

    private static int prunedTokens(GenerationReport report) {
        return report.promptTokens()
                - report.stages().get(report.stages().size() - 1).liveTokens();
    }

    /** Meters of all requests. */
    private static final class Meters {

        final Map<FinishReason, Counter> finished = new EnumMap<>(FinishReason.class);
        final Map<EngineException.Kind, Counter> refused = new EnumMap<>(EngineException.Kind.class);
        final Map<EngineException.Kind, Counter> failed = new EnumMap<>(EngineException.Kind.class);
        final Timer queueTime;
        final DistributionSummary batchSize;
        final Counter generatedTokens;
        final Counter bytesToHost;
        final Counter bytesToDevice;
        final Counter waits;
        final Counter waited;
        private final MeterFactory factory;
        private final Map<PromptLength, PromptMeters> pruned = new EnumMap<>(PromptLength.class);
        private final Map<PromptLength, PromptMeters> dense = new EnumMap<>(PromptLength.class);

        Meters(MeterFactory factory) {
            this.factory = factory;
            for (FinishReason reason : FinishReason.values()) {
                finished.put(
                        reason,
                        factory.counter(
                                EngineMeter.REQUESTS_FINISHED,
                                Tags.of(EngineMeter.Tags.REASON, MeterFactory.value(reason))));
            }
            for (EngineException.Kind kind : EngineException.Kind.values()) {
                Tags tag = Tags.of(EngineMeter.Tags.KIND, MeterFactory.value(kind));
                refused.put(kind, factory.counter(EngineMeter.REQUESTS_REFUSED, tag));
                failed.put(kind, factory.counter(EngineMeter.REQUESTS_FAILED, tag));
            }
            queueTime = factory.timer(EngineMeter.QUEUE_TIME, Tags.empty());
            batchSize = factory.summary(EngineMeter.BATCH_SIZE, Tags.empty());
            generatedTokens = factory.counter(EngineMeter.GENERATED_TOKENS, Tags.empty());
            bytesToHost = factory.counter(EngineMeter.KV_MOVED, Tags.of(EngineMeter.Tags.DIRECTION, "to_host"));
            bytesToDevice = factory.counter(EngineMeter.KV_MOVED, Tags.of(EngineMeter.Tags.DIRECTION, "to_device"));
            waits = factory.counter(EngineMeter.KV_WAITS, Tags.empty());
            waited = factory.counter(EngineMeter.KV_WAITED, Tags.empty());
        }

        PromptMeters of(RequestInfo request) {
            return (request.pruned() ? pruned : dense)
                    .computeIfAbsent(
                            PromptLength.of(request.promptTokens()),
                            length -> new PromptMeters(factory, length, request.pruned()));
        }
    }

    /** Meters of requests whose prompts are alike in length, and all pruned or all dense. */
    private static final class PromptMeters {

        final Timer timeToFirstToken;
        final Timer timePerOutputToken;
        final Timer prefillTime;
        final DistributionSummary prunedShare;
        final Counter promptTokens;
        final Counter cachedTokens;
        final Counter prunedTokens;
        final Counter prunedFlops;
        private final MeterFactory factory;
        private final Tags tags;
        private final Map<String, Timer> durations = new HashMap<>();

        PromptMeters(MeterFactory factory, PromptLength length, boolean pruned) {
            this.factory = factory;
            tags = Tags.of(EngineMeter.Tags.PROMPT_LENGTH, length.label())
                    .and(EngineMeter.Tags.PRUNED, String.valueOf(pruned));
            timeToFirstToken = factory.timer(EngineMeter.TIME_TO_FIRST_TOKEN, tags);
            timePerOutputToken = factory.timer(EngineMeter.TIME_PER_OUTPUT_TOKEN, tags);
            prefillTime = factory.timer(EngineMeter.PREFILL_TIME, tags);
            prunedShare = factory.summary(EngineMeter.PRUNED_SHARE, tags);
            promptTokens = factory.counter(EngineMeter.PROMPT_TOKENS, tags);
            cachedTokens = factory.counter(EngineMeter.CACHED_TOKENS, tags);
            prunedTokens = factory.counter(EngineMeter.PRUNED_TOKENS, tags);
            prunedFlops = factory.counter(EngineMeter.PRUNED_FLOPS, tags);
        }

        Timer duration(String error) {
            return durations.computeIfAbsent(
                    error,
                    value -> factory.timer(EngineMeter.REQUEST_DURATION, tags.and(EngineMeter.GenAi.ERROR, value)));
        }
    }
}
