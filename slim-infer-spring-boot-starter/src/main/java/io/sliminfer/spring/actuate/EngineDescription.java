package io.sliminfer.spring.actuate;

import io.sliminfer.chat.ChatEngine;
import io.sliminfer.engine.Engine;
import io.sliminfer.engine.EngineSnapshot;
import io.sliminfer.engine.KvUsage;
import io.sliminfer.engine.LiveRequest;
import io.sliminfer.engine.MemoryUsage;
import io.sliminfer.engine.PruneDefaults;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.model.WeightReport;
import io.sliminfer.prune.PruneSchedule;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * An engine as the endpoint shows it.
 *
 * @param state           {@code running}, {@code closing}, {@code closed} or {@code failed}
 * @param failure         why it has failed, else null
 * @param pruning         of requests that do not choose for themselves
 * @param memory          set aside at start, in bytes
 * @param deviceBytesPeak most memory held at once on a device with memory of its own, else 0
 * @param requests        those that have not ended, in the order in which they came
 */
public record EngineDescription(
        Model model,
        Backend backend,
        String state,
        @Nullable String failure,
        Pruning pruning,
        Limits limits,
        MemoryUsage memory,
        long deviceBytesPeak,
        KvUsage kvCache,
        PrefixCache prefixCache,
        Queue queue,
        List<Request> requests) {

    /**
     * @param weights dtype of the weights in their files
     * @param kept    forms in which the backend keeps them
     */
    public record Model(
            String name,
            String architecture,
            int layers,
            int hidden,
            int heads,
            int kvHeads,
            int vocabulary,
            int maxPositions,
            String weights,
            WeightReport kept) {}

    /**
     * @param computeType dtype of activations
     * @param memoryBytes memory that the backend may use in all
     * @param dedicated   whether that memory is the device's own
     */
    public record Backend(String name, String description, String computeType, long memoryBytes, boolean dedicated) {}

    /**
     * @param schedule pruning layers and budgets; empty when prefill is dense
     * @param origin   where the schedule comes from
     */
    public record Pruning(
            String schedule,
            String origin,
            int block,
            int unit,
            int window,
            int sink,
            String aggregation,
            int minPromptTokens) {}

    public record Limits(int maxPromptTokens, int batchMax, int queueCapacity) {}

    /**
     * @param slots    device slots that only the prefix cache holds
     * @param requests requests so far
     * @param hits     of these, with tokens that an earlier prompt had left
     * @param tokens   such tokens of all hits
     */
    public record PrefixCache(int slots, long requests, long hits, long tokens) {}

    public record Queue(int waiting, int running) {}

    /**
     * @param state {@code waiting}, {@code prefilling} or {@code decoding}
     */
    public record Request(long id, String state, int promptTokens, int generatedTokens, double ageSeconds) {

        static Request of(LiveRequest request) {
            return new Request(
                    request.id(),
                    lowerCase(request.state()),
                    request.promptTokens(),
                    request.generatedTokens(),
                    request.age().toMillis() / 1e3);
        }
    }

    static EngineDescription of(ChatEngine chat) {
        Engine engine = chat.engine();
        EngineSnapshot snapshot = engine.snapshot();
        return new EngineDescription(
                model(chat.modelName(), engine.model(), engine.weights()),
                new Backend(
                        engine.device().backend(),
                        engine.device().description(),
                        lowerCase(engine.device().compute()),
                        engine.device().memoryBytes(),
                        engine.device().dedicated()),
                lowerCase(snapshot.state()),
                snapshot.failure() == null ? null : snapshot.failure().toString(),
                pruning(engine.pruning()),
                new Limits(engine.maxPromptTokens(), snapshot.batchMax(), snapshot.queueCapacity()),
                snapshot.memory(),
                snapshot.deviceBytesPeak(),
                snapshot.kv(),
                new PrefixCache(
                        snapshot.prefixes().slots(),
                        snapshot.prefixes().requests(),
                        snapshot.prefixes().hits(),
                        snapshot.prefixes().tokens()),
                new Queue(snapshot.queued(), snapshot.running()),
                snapshot.requests().stream().map(Request::of).toList());
    }

    private static Model model(String name, ModelConfig config, WeightReport weights) {
        return new Model(
                name,
                config.architecture(),
                config.layers(),
                config.hidden(),
                config.heads(),
                config.kvHeads(),
                config.vocabulary(),
                config.maxPositions(),
                lowerCase(config.dtype()),
                weights);
    }

    private static Pruning pruning(PruneDefaults defaults) {
        PruneSchedule schedule = defaults.schedule();
        return new Pruning(
                schedule.stepsText(),
                defaults.origin().toString(),
                schedule.block(),
                schedule.unit(),
                schedule.window(),
                schedule.sink(),
                lowerCase(schedule.aggregation()),
                defaults.minPromptTokens());
    }

    private static String lowerCase(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
