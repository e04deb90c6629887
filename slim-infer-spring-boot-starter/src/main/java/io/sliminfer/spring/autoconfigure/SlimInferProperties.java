package io.sliminfer.spring.autoconfigure;

import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.WeightCacheFolder;
import io.sliminfer.chat.ThinkingMode;
import io.sliminfer.engine.EngineSettings;
import io.sliminfer.engine.KvSettings;
import io.sliminfer.engine.PrefixSettings;
import io.sliminfer.engine.PruneSettings;
import io.sliminfer.engine.ServingSettings;
import io.sliminfer.hub.HubSettings;
import io.sliminfer.prune.PruneSchedule;
import io.sliminfer.prune.PruneSizes;
import io.sliminfer.prune.UnitAggregation;
import io.sliminfer.spring.OptionsMapper;
import io.sliminfer.spring.ResponseFormatMode;
import io.sliminfer.spring.SlimInferChatOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.util.unit.DataSize;

/**
 * All properties of SlimInfer. A key below {@code slim-infer} that is not listed here stops the application with its name: a
 * misspelled option is not ignored. Ranges are checked by {@link #engineSettings} and {@link Chat#options}.
 *
 * @param model           Folder of the model, as published on Hugging Face, or GGUF file: a path, a file: URL, a classpath: location, or hf:owner/name[@revision] to
 *                        download it.
 * @param cacheDir        Folder to which models inside jars are unpacked and for kernels compiled for a GPU. By default a folder of the user's for caches.
 * @param backend         What runs the model. "auto" takes the fastest backend that works here; a name fails if that one does not.
 * @param computeType     Type of activations.
 * @param weights         How matrices of linear layers are kept in memory.
 * @param weightCache     Folder in which weights in 8 bits are kept as a CPU needs them, so that every start but a model's first is fast. Takes a byte
 *                        for each weight. Not set: they are made at each start.
 * @param threads         Worker threads of a CPU backend; 0 for all cores.
 * @param maxPromptTokens Longest prompt that is accepted, in tokens; longer ones are refused, never cut. 0 for what model and KV cache
 *                        allow.
 * @param batchMax        Most requests that are decoded together.
 * @param queueCapacity   Most requests that may wait; further ones are refused at once.
 * @param queueWait       Longest time that a request may wait for its turn; then it is refused. 0s for no limit.
 * @param prefillSlice    About how long running answers wait for their next token while a prompt is read. Shorter is smoother for them,
 *                        longer reads prompts faster.
 * @param maxAnswerTokens Most tokens that a request may ask for; one that asks for more is refused. 0 for no limit of its own.
 * @param prefillTile     Prompt tokens that pass a layer together: smaller needs less memory, larger is faster. 0 for the backend's
 *                        choice.
 * @param ttftHistory     Requests whose time to first token /actuator/sliminfer/ttft shows; 0 for none.
 */
@ConfigurationProperties(prefix = SlimInferProperties.PREFIX, ignoreUnknownFields = false)
public record SlimInferProperties(
        @Nullable String model,
        @Nullable Path cacheDir,
        @DefaultValue("auto") String backend,
        @DefaultValue("auto") ComputeType computeType,
        @DefaultValue("auto") Weights weights,
        @Nullable Path weightCache,
        @DefaultValue("0") int threads,
        @DefaultValue("0") int maxPromptTokens,
        @DefaultValue("16") int batchMax,
        @DefaultValue("64") int queueCapacity,
        @DefaultValue("0s") Duration queueWait,
        @DefaultValue("50ms") Duration prefillSlice,
        @DefaultValue("0") int maxAnswerTokens,
        @DefaultValue("0") int prefillTile,
        @DefaultValue("200") int ttftHistory,
        @DefaultValue Hub hub,
        @DefaultValue Cuda cuda,
        @DefaultValue KvCache kvCache,
        @DefaultValue PrefixCache prefixCache,
        @DefaultValue Pruning pruning,
        @DefaultValue Chat chat) {

    public static final String PREFIX = "slim-infer";

    /** The endpoint sends all of them in one response. */
    private static final int TTFT_HISTORY_MAX = 10_000;

    /**
     * How the engine is opened.
     *
     * @throws InvalidConfigurationPropertyValueException naming a property whose value is not allowed
     */
    public EngineSettings engineSettings() {
        require(threads >= 0, "threads", threads, "use 1 or more, or 0 for all cores");
        require(
                maxPromptTokens >= 0,
                "max-prompt-tokens",
                maxPromptTokens,
                "use 1 or more, or 0 for no limit of its own");
        require(batchMax >= 1 && batchMax <= 1024, "batch-max", batchMax, "use 1 to 1024");
        require(queueCapacity >= 1, "queue-capacity", queueCapacity, "use 1 or more");
        require(!queueWait.isNegative(), "queue-wait", queueWait, "use 0s for no limit, or more");
        require(!prefillSlice.isNegative() && !prefillSlice.isZero(), "prefill-slice", prefillSlice, "use 1ms or more");
        require(maxAnswerTokens >= 0, "max-answer-tokens", maxAnswerTokens, "use 1 or more, or 0 for no limit");
        require(
                maxAnswerTokens == 0 || chat.maxTokens() == null || chat.maxTokens() <= maxAnswerTokens,
                "chat.max-tokens",
                String.valueOf(chat.maxTokens()),
                "use at most slim-infer.max-answer-tokens=" + maxAnswerTokens + ", or raise that");
        require(prefillTile >= 0, "prefill-tile", prefillTile, "use 1 or more, or 0 for the backend's choice");
        checkedTtftHistory();
        require(!backend.isBlank(), "backend", backend, "use auto or a backend's name");
        return new EngineSettings(
                backend.equalsIgnoreCase("auto") ? null : backend,
                cuda.settings(computeType, threads, cacheDir)
                        .withWeights(weights.precision())
                        .withWeightCache(checkedWeightCache()),
                pruning.settings(),
                maxPromptTokens,
                kvCache.settings().withPrefixes(prefixCache.settings()),
                new ServingSettings(batchMax, queueCapacity, queueWait, prefillSlice, maxAnswerTokens),
                prefillTile);
    }

    /** Before a model is downloaded. */
    private @Nullable Path checkedWeightCache() {
        Path folder = weightCache;
        return folder == null ? null : check("weight-cache", folder, () -> WeightCacheFolder.checked(folder));
    }

    /** Checked apart from the rest: an application with an engine of its own has an endpoint too. */
    int checkedTtftHistory() {
        require(
                ttftHistory >= 0 && ttftHistory <= TTFT_HISTORY_MAX,
                "ttft-history",
                ttftHistory,
                "use 0 for none, up to " + TTFT_HISTORY_MAX);
        return ttftHistory;
    }

    /**
     * Where models named hf:owner/name come from and go to.
     *
     * @param endpoint URL of the hub or of a mirror. By default HF_ENDPOINT, or else https://huggingface.co.
     * @param token    Access token for private and gated models; empty for none. By default HF_TOKEN or the file that "hf auth login" writes.
     * @param cache    Folder of downloaded models, shared with the other tools of the hub. By default HF_HUB_CACHE, or else hub in HF_HOME.
     * @param offline  Whether only models of the cache are used. By default HF_HUB_OFFLINE.
     */
    public record Hub(
            @Nullable String endpoint, @Nullable String token, @Nullable Path cache, @Nullable Boolean offline) {

        HubSettings settings() {
            return HubSettings.of(endpoint, token, cache, offline);
        }

        /** Without the token. */
        @Override
        public String toString() {
            return "Hub[endpoint=" + endpoint + ", token=" + (token == null ? "not set" : "set") + ", cache=" + cache
                    + ", offline=" + offline + "]";
        }
    }

    /**
     * An NVIDIA GPU, where slim-infer-cuda is on the class path.
     *
     * @param device Index of the GPU, as the driver counts.
     * @param memory Most of its memory that is used in all: weights, KV cache and working memory; 0B for what is free.
     */
    public record Cuda(@DefaultValue("0") int device, @DefaultValue("0B") DataSize memory) {

        BackendSettings settings(ComputeType computeType, int threads, @Nullable Path cacheDir) {
            require(device >= 0, "cuda.device", device, "use 0 for the first GPU, or more");
            require(!memory.isNegative(), "cuda.memory", memory, "use 0B for what is free on the GPU, or more");
            return new BackendSettings(computeType.dtype(), threads, device, memory.toBytes(), cacheDir);
        }
    }

    /**
     * The KV cache.
     *
     * @param memory         Memory for the KV cache on the device; 0B for a share of the device's.
     * @param type           How keys and values are stored: less memory for less precision. "auto" is the compute type.
     * @param hostMemory     Host memory behind it, to which blocks move when a prompt's do not all fit; 0B for none.
     * @param disk           Folder for a file behind that. Needs disk-size.
     * @param diskSize       Size of that file.
     * @param prefetchLayers How many layers ahead blocks are fetched from the host in decode; 0 fetches a block when its layer runs.
     * @param swapThreshold  Share of the blocks wanted by a decode step that must be active for the active blocks to stay; 1 to always
     *                      exchange them, 0 to never do so. Counts for schedules with decode budgets.
     */
    public record KvCache(
            @DefaultValue("0B") DataSize memory,
            @DefaultValue("auto") KvCacheType type,
            @DefaultValue("0B") DataSize hostMemory,
            @Nullable Path disk,
            @DefaultValue("0B") DataSize diskSize,
            @DefaultValue("2") int prefetchLayers,
            @DefaultValue("0.9") double swapThreshold) {

        KvSettings settings() {
            require(
                    !memory.isNegative(),
                    "kv-cache.memory",
                    memory,
                    "use 0B for a share of the device's memory, or more");
            require(!hostMemory.isNegative(), "kv-cache.host-memory", hostMemory, "use 0B for none, or more");
            require(!diskSize.isNegative(), "kv-cache.disk-size", diskSize, "use 0B for none, or more");
            require(
                    (disk == null) == (diskSize.toBytes() == 0),
                    "kv-cache.disk-size",
                    diskSize,
                    "set slim-infer.kv-cache.disk and slim-infer.kv-cache.disk-size together");
            require(prefetchLayers >= 0, "kv-cache.prefetch-layers", prefetchLayers, "use 0 for none, or more");
            require(
                    swapThreshold >= 0 && swapThreshold <= 1,
                    "kv-cache.swap-threshold",
                    swapThreshold,
                    "use 0.0 to 1.0");
            return new KvSettings(
                    memory.toBytes(),
                    type.type(),
                    hostMemory.toBytes(),
                    disk,
                    diskSize.toBytes(),
                    prefetchLayers,
                    swapThreshold);
        }
    }

    /**
     * Reuse of what earlier prompts with the same beginning have left in the KV cache.
     *
     * @param reuse  What is reused: "exact" for what does not depend on later tokens, so that answers stay the same, or "off".
     * @param memory Device memory for hidden states, which pruned prompts need besides; 0B to serve dense prompts only. By default an
     *               eighth of the KV cache's, at most what two prompts of full length need.
     */
    public record PrefixCache(@DefaultValue("exact") String reuse, @Nullable DataSize memory) {

        PrefixSettings settings() {
            PrefixSettings.Reuse what = check("prefix-cache.reuse", reuse, () -> PrefixSettings.Reuse.parse(reuse));
            require(
                    memory == null || !memory.isNegative(),
                    "prefix-cache.memory",
                    String.valueOf(memory),
                    "use 0B to serve dense prompts only, or more");
            return new PrefixSettings(what, memory == null ? PrefixSettings.CHOOSE : memory.toBytes());
        }
    }

    /**
     * Pruning of requests that do not choose for themselves.
     *
     * @param enabled         Whether long prompts are pruned.
     * @param schedule        Pruning layers and budgets, such as "4:0.5,8:2048/512": after layer 4 half of the prompt stays live, after
     *                        layer 8 2,048 tokens, of which a generated token attends to 512. "4:p0.9:0.125-0.5" keeps the blocks
     *                        that hold 0.9 of the score, between an eighth and half of the prompt. "calibrated" takes them from slim-infer.json
     *                        in the model's folder; "auto" does so if there is one, and else chooses by the model's depth.
     * @param block           Tokens in a block, the unit that is kept or pruned; 64, or what slim-infer.json says where it is used.
     * @param unit            Consecutive tokens that are scored together, at most a block; 8, or what slim-infer.json says where it is used.
     * @param window          Last prompt tokens, whose queries do the scoring; 64, or what slim-infer.json says where it is used.
     * @param sink            First prompt tokens, which are always kept; 64, or what slim-infer.json says where it is used.
     * @param aggregation     How a block's score follows from those of its units; max, or what slim-infer.json says where it is used.
     * @param minPromptTokens Shorter prompts are not pruned.
     */
    public record Pruning(
            @DefaultValue("true") boolean enabled,
            @DefaultValue(AUTO) String schedule,
            @Nullable Integer block,
            @Nullable Integer unit,
            @Nullable Integer window,
            @Nullable Integer sink,
            @Nullable UnitAggregation aggregation,
            @DefaultValue("2048") int minPromptTokens) {

        static final String AUTO = "auto";
        static final String CALIBRATED = "calibrated";

        /** The engine's pruning. */
        PruneSettings settings() {
            PruneSizes sizes = sizes();
            PruneSettings off = SlimInferProperties.check(
                    "pruning.min-prompt-tokens",
                    minPromptTokens,
                    () -> PruneSettings.of(sizes.over(PruneSchedule.dense()), minPromptTokens));
            PruneSettings on =
                    switch (schedule.strip().toLowerCase(Locale.ROOT)) {
                        case AUTO -> PruneSettings.auto(sizes, minPromptTokens);
                        case CALIBRATED -> PruneSettings.calibrated(sizes, minPromptTokens);
                        default -> PruneSettings.of(explicit(sizes), minPromptTokens);
                    };
            return enabled ? on : off;
        }

        /** Checked one after the other, so that an error names its property. */
        private PruneSizes sizes() {
            check("pruning.block", block, new PruneSizes(block, 1, null, null, null));
            int units = unit == null ? PruneSchedule.UNIT_DEFAULT : unit;
            check("pruning.unit", units, new PruneSizes(block, units, null, null, null));
            check("pruning.window", window, new PruneSizes(null, null, window, null, null));
            check("pruning.sink", sink, new PruneSizes(null, null, null, sink, null));
            return new PruneSizes(block, unit, window, sink, aggregation);
        }

        private static void check(String name, @Nullable Integer value, PruneSizes sizes) {
            if (value != null) {
                SlimInferProperties.check(name, value, () -> sizes.over(PruneSchedule.dense()));
            }
        }

        private PruneSchedule explicit(PruneSizes sizes) {
            return SlimInferProperties.check("pruning.schedule", schedule, () -> sizes.over(PruneSchedule.dense())
                    .withSteps(PruneSchedule.parseSteps(schedule)));
        }
    }

    /**
     * Options of requests that do not set their own.
     *
     * @param temperature       Randomness of the answer; 0 always takes the likeliest token.
     * @param topK              Only the k likeliest tokens are drawn from; 0 for all.
     * @param topP              Only the smallest set of likeliest tokens with this probability is drawn from; 1 for all.
     * @param minP              Tokens less likely than this share of the likeliest are never drawn; 0 for all.
     * @param repetitionPenalty Makes tokens of prompt and answer less likely; 1 for no penalty.
     * @param frequencyPenalty  Makes tokens less likely for each time they were generated; 0 for no penalty.
     * @param presencePenalty   Makes tokens less likely if they were generated; 0 for no penalty.
     * @param seed              Seed of the draw; the same seed gives the same answer. By default a different one each time.
     * @param maxTokens         Most tokens of an answer; 0 for 1024. KV memory is set aside for as many.
     * @param timeout           Longest time from the request to the last token of its answer, time in the queue included. By default none.
     * @param stopSequences     Strings that end an answer and are not part of it.
     * @param thinking          What happens to what a thinking model writes before its answer: "separate", the default, puts it into the metadata,
     *                          "inline" leaves it in the text with its marks, "discard" drops it.
     * @param responseFormat    What answers look like: text for anything, json-object for any JSON object. An output schema of a request
     *                          counts more.
     * @param templateArguments Further variables of the chat template, such as enable_thinking.
     * @param includePromptBlocks Whether an answer's metadata holds the prompt's text, block by block. Whoever can read that metadata can then
     *                          read prompts, passages and documents in them included.
     */
    public record Chat(
            @Nullable Double temperature,
            @Nullable Integer topK,
            @Nullable Double topP,
            @Nullable Double minP,
            @Nullable Double repetitionPenalty,
            @Nullable Double frequencyPenalty,
            @Nullable Double presencePenalty,
            @Nullable Long seed,
            @Nullable Integer maxTokens,
            @Nullable Duration timeout,
            @Nullable List<String> stopSequences,
            @Nullable ThinkingMode thinking,
            @Nullable ResponseFormatMode responseFormat,
            @Nullable Map<String, Object> templateArguments,
            @Nullable Boolean includePromptBlocks) {

        /**
         * These as options; null where the engine's default holds.
         *
         * @throws InvalidConfigurationPropertyValueException naming a property whose value is not allowed
         */
        public SlimInferChatOptions options() {
            SlimInferChatOptions.Builder options = SlimInferChatOptions.builder();
            set(options, "temperature", temperature, SlimInferChatOptions.Builder::temperature);
            set(options, "top-k", topK, SlimInferChatOptions.Builder::topK);
            set(options, "top-p", topP, SlimInferChatOptions.Builder::topP);
            set(options, "min-p", minP, SlimInferChatOptions.Builder::minP);
            set(options, "repetition-penalty", repetitionPenalty, SlimInferChatOptions.Builder::repetitionPenalty);
            set(options, "frequency-penalty", frequencyPenalty, SlimInferChatOptions.Builder::frequencyPenalty);
            set(options, "presence-penalty", presencePenalty, SlimInferChatOptions.Builder::presencePenalty);
            set(options, "seed", seed, SlimInferChatOptions.Builder::seed);
            set(options, "max-tokens", maxTokens, SlimInferChatOptions.Builder::maxTokens);
            set(options, "timeout", timeout, SlimInferChatOptions.Builder::timeout);
            set(options, "stop-sequences", stopSequences, SlimInferChatOptions.Builder::stopSequences);
            set(options, "thinking", thinking, SlimInferChatOptions.Builder::thinking);
            set(options, "response-format", responseFormat, SlimInferChatOptions.Builder::responseFormat);
            set(
                    options,
                    "template-arguments",
                    typed(templateArguments),
                    SlimInferChatOptions.Builder::templateArguments);
            set(
                    options,
                    "include-prompt-blocks",
                    includePromptBlocks,
                    SlimInferChatOptions.Builder::includePromptBlocks);
            return options.build();
        }

        /** Sets an option and checks it alone, so that an error names its property. */
        private static <T> void set(
                SlimInferChatOptions.Builder options,
                String name,
                @Nullable T value,
                BiConsumer<SlimInferChatOptions.Builder, T> setter) {
            if (value == null) {
                return;
            }
            check("chat." + name, value, () -> {
                SlimInferChatOptions.Builder alone = SlimInferChatOptions.builder();
                setter.accept(alone, value);
                OptionsMapper.check(alone.build());
                return alone;
            });
            setter.accept(options, value);
        }

        /** Properties files know text only, and the text "false" would be true to a template. */
        private static @Nullable Map<String, Object> typed(@Nullable Map<String, Object> arguments) {
            if (arguments == null) {
                return null;
            }
            Map<String, Object> typed = new HashMap<>(arguments);
            typed.replaceAll((name, value) ->
                    value.equals("true") || value.equals("false") ? Boolean.valueOf(value.toString()) : value);
            return typed;
        }
    }

    private static void require(boolean allowed, String name, Object value, String reason) {
        if (!allowed) {
            throw new InvalidConfigurationPropertyValueException(PREFIX + "." + name, value, reason);
        }
    }

    private static <T> T check(String name, Object value, Supplier<T> result) {
        try {
            return result.get();
        } catch (IllegalArgumentException e) {
            throw new InvalidConfigurationPropertyValueException(PREFIX + "." + name, value, e.getMessage());
        }
    }
}
