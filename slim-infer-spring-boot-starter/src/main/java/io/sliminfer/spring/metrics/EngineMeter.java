package io.sliminfer.spring.metrics;

import java.time.Duration;
import java.util.List;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/**
 * All meters that an engine has: name, unit, tags, and buckets where it is a histogram. Names and attributes that begin with
 * {@code gen_ai} are those of OpenTelemetry's semantic conventions for generative AI (development status, 2026), with their buckets
 * and a few for long prompts. docs/operating.md lists the same; a test compares the two with what a run registers.
 */
public enum EngineMeter {
    TIME_TO_FIRST_TOKEN(
            "gen_ai.server.time_to_first_token",
            "Submit to first token: queue and prefill.",
            Type.TIMER,
            "seconds",
            GenAi.WITH_PROMPT,
            Buckets.TIME_TO_FIRST_TOKEN),
    TIME_PER_OUTPUT_TOKEN(
            "gen_ai.server.time_per_output_token",
            "Decode time for each token after the first, of answers that were not cancelled.",
            Type.TIMER,
            "seconds",
            GenAi.WITH_PROMPT,
            Buckets.TIME_PER_OUTPUT_TOKEN),
    REQUEST_DURATION(
            "gen_ai.server.request.duration",
            "Submit to last token, or to the failure; refused requests have none.",
            Type.TIMER,
            "seconds",
            GenAi.WITH_ERROR,
            Buckets.REQUEST_DURATION),

    QUEUE_TIME(
            "slim.infer.queue.time",
            "Submit to start of prefill.",
            Type.TIMER,
            "seconds",
            Tags.MODEL_ONLY,
            Buckets.QUEUE_TIME),
    PREFILL_TIME(
            "slim.infer.prefill.time",
            "Start of prefill to first token: what pruning shortens.",
            Type.TIMER,
            "seconds",
            Tags.BY_PROMPT,
            Buckets.PREFILL_TIME),
    BATCH_SIZE(
            "slim.infer.batch.size",
            "Sequences of a decode step.",
            Type.SUMMARY,
            null,
            Tags.MODEL_ONLY,
            Buckets.BATCH_SIZE),
    PRUNED_SHARE(
            "slim.infer.pruned.share",
            "Share of a request's (prompt token, layer) pairs that pruning left out, 0..1.",
            Type.SUMMARY,
            null,
            Tags.BY_PROMPT),

    REQUESTS_FINISHED(
            "slim.infer.requests.finished",
            "Requests that ended by themselves or were cancelled.",
            Type.COUNTER,
            null,
            Tags.with(Tags.REASON)),
    REQUESTS_REFUSED(
            "slim.infer.requests.refused",
            "Requests that were turned away at once.",
            Type.COUNTER,
            null,
            Tags.with(Tags.KIND)),
    REQUESTS_FAILED(
            "slim.infer.requests.failed",
            "Requests that were taken and then failed.",
            Type.COUNTER,
            null,
            Tags.with(Tags.KIND)),

    PROMPT_TOKENS(
            "slim.infer.prompt.tokens",
            "Prompt tokens of requests that got a first token, cached ones included.",
            Type.COUNTER,
            "tokens",
            Tags.BY_PROMPT),
    CACHED_TOKENS(
            "slim.infer.cached.tokens",
            "Prompt tokens taken from an earlier prompt with the same beginning.",
            Type.COUNTER,
            "tokens",
            Tags.BY_PROMPT),
    PRUNED_TOKENS(
            "slim.infer.pruned.tokens",
            "Prompt tokens that pruning had dropped before the last layer.",
            Type.COUNTER,
            "tokens",
            Tags.BY_PROMPT),
    PRUNED_FLOPS(
            "slim.infer.pruned.flops",
            "FLOPs that pruning left out of dense prefill.",
            Type.COUNTER,
            "flops",
            Tags.BY_PROMPT),
    GENERATED_TOKENS(
            "slim.infer.generated.tokens",
            "Tokens sampled, counted as they come.",
            Type.COUNTER,
            "tokens",
            Tags.MODEL_ONLY),

    QUEUE_DEPTH("slim.infer.queue.depth", "Requests waiting for their turn.", Type.GAUGE, null, Tags.MODEL_ONLY),
    QUEUE_CAPACITY(
            "slim.infer.queue.capacity",
            "Requests that may wait: slim-infer.queue-capacity.",
            Type.GAUGE,
            null,
            Tags.MODEL_ONLY),
    RUNNING("slim.infer.requests.running", "Requests in prefill or decode.", Type.GAUGE, null, Tags.with(Tags.STATE)),
    BATCH_MAX(
            "slim.infer.batch.max",
            "Sequences that may decode together: slim-infer.batch-max.",
            Type.GAUGE,
            null,
            Tags.MODEL_ONLY),
    ENGINE_UP("slim.infer.up", "1 while the engine takes requests, else 0.", Type.GAUGE, null, Tags.MODEL_ONLY),

    KV_SLOTS("slim.infer.kv.slots", "Slots of the KV cache.", Type.GAUGE, null, Tags.with(Tags.TIER)),
    KV_SLOTS_USED(
            "slim.infer.kv.slots.used",
            "Slots with blocks of running requests; on the device without those that only the prefix cache holds.",
            Type.GAUGE,
            null,
            Tags.with(Tags.TIER)),
    KV_MOVED(
            "slim.infer.kv.moved",
            "Bytes of KV blocks that requests moved between device and host.",
            Type.COUNTER,
            "bytes",
            Tags.with(Tags.DIRECTION)),
    KV_WAITS(
            "slim.infer.kv.prefetch.waits",
            "How often a layer waited for blocks that were not on the device yet.",
            Type.COUNTER,
            null,
            Tags.MODEL_ONLY),
    KV_WAITED(
            "slim.infer.kv.prefetch.waited",
            "How long layers waited for such blocks.",
            Type.COUNTER,
            "seconds",
            Tags.MODEL_ONLY),

    PREFIX_REQUESTS(
            "slim.infer.prefix.requests",
            "Requests that looked into the prefix cache.",
            Type.COUNTER,
            null,
            Tags.MODEL_ONLY),
    PREFIX_HITS(
            "slim.infer.prefix.hits",
            "Requests that found tokens of an earlier prompt there.",
            Type.COUNTER,
            null,
            Tags.MODEL_ONLY),
    PREFIX_SLOTS(
            "slim.infer.prefix.slots",
            "Device slots that only the prefix cache holds.",
            Type.GAUGE,
            null,
            Tags.MODEL_ONLY),

    MEMORY("slim.infer.memory", "Memory set aside at start.", Type.GAUGE, "bytes", Tags.with(Tags.KIND)),
    DEVICE_MEMORY_PEAK(
            "slim.infer.device.memory.peak",
            "Most memory held at once on a device with memory of its own, else 0.",
            Type.GAUGE,
            "bytes",
            Tags.MODEL_ONLY);

    /** What kind of meter. */
    public enum Type {
        COUNTER,
        GAUGE,
        SUMMARY,
        TIMER
    }

    /** Attributes of OpenTelemetry's generative AI conventions. */
    public static final class GenAi {
        public static final String OPERATION = "gen_ai.operation.name";
        public static final String PROVIDER = "gen_ai.provider.name";
        public static final String REQUEST_MODEL = "gen_ai.request.model";
        public static final String RESPONSE_MODEL = "gen_ai.response.model";
        public static final String ERROR = "error.type";

        static final List<String> WITH_PROMPT =
                List.of(OPERATION, PROVIDER, REQUEST_MODEL, RESPONSE_MODEL, Tags.PROMPT_LENGTH, Tags.PRUNED);
        static final List<String> WITH_ERROR =
                List.of(OPERATION, PROVIDER, REQUEST_MODEL, RESPONSE_MODEL, Tags.PROMPT_LENGTH, Tags.PRUNED, ERROR);

        private GenAi() {}
    }

    /** Tags of our own. All have few values. */
    public static final class Tags {
        /** A {@link io.sliminfer.spring.PromptLength#label}. */
        public static final String PROMPT_LENGTH = "prompt.length";
        /** Whether prefill drops tokens: {@code true} or {@code false}. */
        public static final String PRUNED = "pruned";
        /** Why a request ended: {@code stop}, {@code length}, {@code cancelled}. */
        public static final String REASON = "reason";
        /** A kind of error ({@link io.sliminfer.engine.EngineException.Kind} in lower case) or of memory. */
        public static final String KIND = "kind";
        /** {@code prefill} or {@code decode}. */
        public static final String STATE = "state";
        /** {@code device}, {@code host} or {@code disk}. */
        public static final String TIER = "tier";
        /** {@code to_host} or {@code to_device}. */
        public static final String DIRECTION = "direction";

        static final List<String> MODEL_ONLY = List.of(GenAi.REQUEST_MODEL);
        static final List<String> BY_PROMPT = List.of(GenAi.REQUEST_MODEL, PROMPT_LENGTH, PRUNED);

        static List<String> with(String tag) {
            return List.of(GenAi.REQUEST_MODEL, tag);
        }

        private Tags() {}
    }

    /** Upper bounds of histograms. */
    private static final class Buckets {
        static final double[] TIME_TO_FIRST_TOKEN = {
            0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 30, 60, 120
        };
        static final double[] TIME_PER_OUTPUT_TOKEN = {
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5
        };
        static final double[] REQUEST_DURATION = {
            0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 15, 20.48, 30, 40.96, 60, 81.92, 120, 300
        };
        static final double[] QUEUE_TIME = {0.001, 0.01, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};
        static final double[] PREFILL_TIME = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120};
        static final double[] BATCH_SIZE = {1, 2, 4, 8, 16, 32, 64, 128, 256};
    }

    private final String meterName;
    private final String description;
    private final Type type;
    private final @Nullable String unit;
    private final List<String> tags;
    private final double[] buckets;

    EngineMeter(
            String meterName,
            String description,
            Type type,
            @Nullable String unit,
            List<String> tags,
            double... buckets) {
        this.meterName = meterName;
        this.description = description;
        this.type = type;
        this.unit = unit;
        this.tags = tags;
        this.buckets = buckets;
    }

    /** As Micrometer has it; Prometheus replaces dots by underscores and appends unit and {@code _total}. */
    public String meterName() {
        return meterName;
    }

    /** One sentence for people. */
    public String description() {
        return description;
    }

    public Type type() {
        return type;
    }

    /** Null for plain numbers. */
    public @Nullable String unit() {
        return unit;
    }

    /** Keys of the tags that each of its series has. */
    public List<String> tags() {
        return tags;
    }

    /** Upper bounds, in seconds for a timer. */
    double[] buckets() {
        return buckets.clone();
    }

    /** The same as durations. */
    Duration[] durations() {
        return DoubleStream.of(buckets)
                .mapToObj(seconds -> Duration.ofNanos(Math.round(seconds * 1e9)))
                .toArray(Duration[]::new);
    }
}
