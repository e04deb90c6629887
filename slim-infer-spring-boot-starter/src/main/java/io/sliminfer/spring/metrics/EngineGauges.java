package io.sliminfer.spring.metrics;

import io.micrometer.core.instrument.Tags;
import io.sliminfer.engine.Engine;
import io.sliminfer.engine.EngineSnapshot;
import io.sliminfer.engine.EngineState;
import io.sliminfer.engine.KvUsage;
import io.sliminfer.engine.LiveRequest;
import io.sliminfer.engine.MemoryUsage;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/** Meters that read an engine's snapshot when they are asked. */
final class EngineGauges {

    private EngineGauges() {}

    static void register(MeterFactory meters, Engine engine) {
        gauge(meters, EngineMeter.ENGINE_UP, engine, snapshot -> snapshot.state() == EngineState.RUNNING ? 1 : 0);
        gauge(meters, EngineMeter.QUEUE_DEPTH, engine, EngineSnapshot::queued);
        gauge(meters, EngineMeter.QUEUE_CAPACITY, engine, EngineSnapshot::queueCapacity);
        gauge(meters, EngineMeter.BATCH_MAX, engine, EngineSnapshot::batchMax);
        running(meters, engine, "prefill", LiveRequest.State.PREFILLING);
        running(meters, engine, "decode", LiveRequest.State.DECODING);
        tier(meters, engine, "device", KvUsage::device);
        tier(meters, engine, "host", KvUsage::host);
        tier(meters, engine, "disk", KvUsage::disk);
        meters.counter(EngineMeter.PREFIX_REQUESTS, engine, source -> source.snapshot()
                .prefixes()
                .requests());
        meters.counter(EngineMeter.PREFIX_HITS, engine, source -> source.snapshot()
                .prefixes()
                .hits());
        gauge(meters, EngineMeter.PREFIX_SLOTS, engine, snapshot -> snapshot.prefixes()
                .slots());
        memory(meters, engine, "weights", MemoryUsage::weightsBytes);
        memory(meters, engine, "kv_cache", MemoryUsage::kvBytes);
        memory(meters, engine, "prefixes", MemoryUsage::prefixBytes);
        memory(meters, engine, "workspace", MemoryUsage::workspaceBytes);
        memory(meters, engine, "kv_host", MemoryUsage::hostBytes);
        memory(meters, engine, "kv_disk", MemoryUsage::diskBytes);
        gauge(meters, EngineMeter.DEVICE_MEMORY_PEAK, engine, EngineSnapshot::deviceBytesPeak);
    }

    private static void gauge(
            MeterFactory meters, EngineMeter meter, Engine engine, ToDoubleFunction<EngineSnapshot> value) {
        gauge(meters, meter, Tags.empty(), engine, value);
    }

    private static void gauge(
            MeterFactory meters, EngineMeter meter, Tags tags, Engine engine, ToDoubleFunction<EngineSnapshot> value) {
        meters.gauge(meter, tags, engine, source -> value.applyAsDouble(source.snapshot()));
    }

    private static void running(MeterFactory meters, Engine engine, String name, LiveRequest.State state) {
        gauge(
                meters,
                EngineMeter.RUNNING,
                Tags.of(EngineMeter.Tags.STATE, name),
                engine,
                snapshot -> snapshot.requests().stream()
                        .filter(request -> request.state() == state)
                        .count());
    }

    private static void tier(MeterFactory meters, Engine engine, String name, Function<KvUsage, KvUsage.Tier> tier) {
        Tags tag = Tags.of(EngineMeter.Tags.TIER, name);
        gauge(meters, EngineMeter.KV_SLOTS, tag, engine, snapshot -> tier.apply(snapshot.kv())
                .slots());
        gauge(meters, EngineMeter.KV_SLOTS_USED, tag, engine, snapshot -> tier.apply(snapshot.kv())
                .used());
    }

    private static void memory(MeterFactory meters, Engine engine, String name, ToLongFunction<MemoryUsage> bytes) {
        gauge(
                meters,
                EngineMeter.MEMORY,
                Tags.of(EngineMeter.Tags.KIND, name),
                engine,
                snapshot -> bytes.applyAsLong(snapshot.memory()));
    }
}
