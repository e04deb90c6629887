package io.sliminfer.spring.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.sliminfer.spring.SlimInferChatModel;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** Registers {@link EngineMeter}s for one model; what all series of a meter have in common is filled in here. */
final class MeterFactory {

    private final MeterRegistry registry;
    private final Tags genAi;
    private final Tags own;

    MeterFactory(MeterRegistry registry, String model) {
        this.registry = registry;
        own = Tags.of(EngineMeter.GenAi.REQUEST_MODEL, model);
        genAi = own.and(
                EngineMeter.GenAi.OPERATION,
                "chat",
                EngineMeter.GenAi.PROVIDER,
                SlimInferChatModel.PROVIDER,
                EngineMeter.GenAi.RESPONSE_MODEL,
                model);
    }

    /** An enum's constant as a tag has it. */
    static String value(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    Timer timer(EngineMeter meter, Tags tags) {
        return Timer.builder(meter.meterName())
                .description(meter.description())
                .tags(all(meter, tags))
                .serviceLevelObjectives(meter.durations())
                .register(registry);
    }

    DistributionSummary summary(EngineMeter meter, Tags tags) {
        return DistributionSummary.builder(meter.meterName())
                .baseUnit(meter.unit())
                .description(meter.description())
                .tags(all(meter, tags))
                .serviceLevelObjectives(meter.buckets())
                .register(registry);
    }

    Counter counter(EngineMeter meter, Tags tags) {
        return Counter.builder(meter.meterName())
                .baseUnit(meter.unit())
                .description(meter.description())
                .tags(all(meter, tags))
                .register(registry);
    }

    /** A gauge that lives as long as {@code source}. */
    <T> void gauge(EngineMeter meter, Tags tags, T source, ToDoubleFunction<T> value) {
        Gauge.builder(meter.meterName(), source, value)
                .baseUnit(meter.unit())
                .description(meter.description())
                .tags(all(meter, tags))
                .register(registry);
    }

    /** A counter that somebody else keeps. */
    <T> void counter(EngineMeter meter, T source, ToDoubleFunction<T> count) {
        FunctionCounter.builder(meter.meterName(), source, count)
                .baseUnit(meter.unit())
                .description(meter.description())
                .tags(all(meter, Tags.empty()))
                .register(registry);
    }

    private Tags all(EngineMeter meter, Tags tags) {
        return (meter.tags().contains(EngineMeter.GenAi.OPERATION) ? genAi : own).and(tags);
    }
}
