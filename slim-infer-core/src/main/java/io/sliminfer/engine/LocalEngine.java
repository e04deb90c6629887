package io.sliminfer.engine;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.Copies;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.HostPool;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.WeightCacheFolder;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.trace.SpanListener;
import io.sliminfer.backend.trace.TracedBackend;
import io.sliminfer.format.CalibrationFile;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.grammar.TokenConstraint;
import io.sliminfer.kv.KvCacheManager;
import io.sliminfer.kv.PrefixCounts;
import io.sliminfer.model.HiddenRows;
import io.sliminfer.model.ModelSpecs;
import io.sliminfer.model.ModelWeights;
import io.sliminfer.model.Transformer;
import io.sliminfer.model.WeightReport;
import io.sliminfer.model.Workspace;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentNavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine of one model on one backend. Callers' threads check requests and queue them; one thread owns backend, scheduler and
 * all sequences, and takes commands between two steps.
 */
public final class LocalEngine implements Engine {

    private static final Logger log = LoggerFactory.getLogger(LocalEngine.class);

    /** Tokens of the request that warms a device up: enough for a decode step to be captured as a graph and launched. */
    private static final int WARM_UP_TOKENS = 5;

    private static final Duration FOR_EVER = Duration.ofNanos(Long.MAX_VALUE);

    /** Does nothing, but ends the engine's wait for a command. */
    private static final Consumer<EngineLoop> WAKE = loop -> {};

    private final ModelConfig model;
    private final EngineSettings settings;
    private final PruneDefaults pruning;
    private final BlockingQueue<Consumer<EngineLoop>> commands = new LinkedBlockingQueue<>();
    private final AtomicInteger unfinished = new AtomicInteger();
    private final AtomicLong ids = new AtomicLong();
    /** Requests that have not ended, by id: callers add, the engine's thread removes. */
    private final ConcurrentNavigableMap<Long, Sequence> live = new ConcurrentSkipListMap<>();

    private final EngineListener listener;
    private final Thread thread;
    private final Loaded loaded;
    /** Held while a request is queued and while {@link #state} changes, so that none is queued after the last look. */
    private final Object gate = new Object();

    private volatile EngineState state = EngineState.RUNNING;
    /** The engine's thread is to end. */
    private volatile boolean closed;

    private volatile @Nullable Throwable failure;
    private volatile Stand stand;

    /** What the last step left, for snapshots. */
    private record Stand(KvUsage kv, PrefixCounts prefixes, long deviceBytesPeak) {}

    /** What the engine thread builds at start. */
    private record Loaded(
            Backend backend,
            DeviceInfo device,
            WeightReport weights,
            MemoryPlan memory,
            KvCacheManager kv,
            MemoryUsage usage,
            Scheduler scheduler,
            ModelRunner runner) {

        EngineLoop loop(ModelConfig model, Duration queueWait, EngineListener listener, EngineLoop.Ends ends) {
            GenerationReports reports = new GenerationReports(model, memory.slotBytes());
            return new EngineLoop(scheduler, runner, reports, queueWait, listener, ends);
        }

        Stand stand() {
            PrefixCounts prefixes = kv.prefixCounts();
            boolean disk = memory.diskSlots() > 0;
            int onDisk = disk ? kv.hostSlotsUsed(memory.hostSlots() > 0 ? 1 : 0) : 0;
            return new Stand(
                    new KvUsage(
                            memory.slotBytes(),
                            new KvUsage.Tier(kv.deviceSlots(), kv.deviceSlotsUsed() - prefixes.slots()),
                            new KvUsage.Tier(memory.hostSlots(), kv.hostSlotsUsed() - onDisk),
                            new KvUsage.Tier(memory.diskSlots(), onDisk)),
                    prefixes,
                    backend.deviceBytesPeak());
        }
    }

    private LocalEngine(
            ModelFolder folder, EngineSettings settings, BackendProvider provider, EngineListener listener) {
        this.listener = EngineListener.of(listener);
        this.model = folder.config();
        this.settings = settings;
        this.pruning = settings.pruning().resolve(folder);
        this.pruning.schedule().requireLayers(model.layers());
        BackendSettings backendSettings = backendSettings(folder);
        CompletableFuture<Loaded> loading = new CompletableFuture<>();
        // The backend is opened by the thread that will use it: OpenMP's thread count and a CUDA context belong to a
        // thread.
        thread = new Thread(() -> live(folder, provider, backendSettings, loading), "slim-infer-engine");
        thread.setDaemon(true);
        thread.start();
        try {
            loaded = loading.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException failure ? failure : e;
        }
        stand = loaded.stand();
    }

    /**
     * Loads a model and starts its engine. The folder must stay open as long as the engine: weights are read in place.
     *
     * @throws IllegalArgumentException if a setting does not fit the model, the machine or the backend
     * @throws io.sliminfer.format.ModelFormatException if a tensor cannot be read
     */
    public static LocalEngine open(ModelFolder folder, EngineSettings settings) {
        return open(folder, settings, EngineListener.NONE);
    }

    /** The same with a listener; several are joined by {@link EngineListener#of}. */
    public static LocalEngine open(ModelFolder folder, EngineSettings settings, EngineListener listener) {
        return new LocalEngine(folder, settings, Backends.choose(settings.backend()), listener);
    }

    /** The same with each operation and copy timed on the device, while {@code spans} wants it. */
    public static LocalEngine open(ModelFolder folder, EngineSettings settings, SpanListener spans) {
        return open(folder, settings, EngineListener.NONE, spans);
    }

    /** The same with both. */
    public static LocalEngine open(
            ModelFolder folder, EngineSettings settings, EngineListener listener, SpanListener spans) {
        BackendProvider provider = Backends.choose(settings.backend());
        return new LocalEngine(
                folder,
                settings,
                new WrappedProvider(provider, backend -> new TracedBackend(backend, spans)),
                listener);
    }

    /** The same on a backend that is already chosen. */
    static LocalEngine open(
            ModelFolder folder, EngineSettings settings, BackendProvider provider, EngineListener listener) {
        return new LocalEngine(folder, settings, provider, listener);
    }

    /** With this model's folder in the cache of packed weights. */
    private BackendSettings backendSettings(ModelFolder folder) {
        BackendSettings given = settings.backendSettings();
        Path cache = given.weightCache();
        if (cache == null) {
            return given;
        }
        try {
            return given.withWeightCache(WeightCacheFolder.checked(cache).resolve(folder.identity()));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("slim-infer.weight-cache=" + cache + ": " + e.getMessage(), e);
        }
    }

    /** The engine thread: load, then step until closed. */
    private void live(
            ModelFolder folder,
            BackendProvider provider,
            BackendSettings backendSettings,
            CompletableFuture<Loaded> loading) {
        Backend backend = null;
        Loaded parts;
        try {
            backend = provider.open(backendSettings);
            parts = load(folder, backend);
            if (backend.info().dedicated()) {
                warmUp(folder, parts);
            }
        } catch (Throwable e) {
            try {
                if (backend != null) {
                    backend.close();
                }
            } finally { // whoever opens the engine waits for this
                loading.completeExceptionally(e);
            }
            return;
        }
        Ends ends = new Ends();
        EngineLoop loop = parts.loop(model, settings.serving().queueWait(), listener, ends);
        loading.complete(parts);
        try {
            while (!closed) {
                takeCommands(loop, !loop.hasWork());
                if (!closed) {
                    loop.step();
                }
                if (!loop.hasWork()) {
                    parts.kv.drain(); // slots that copies of ended requests still hold: an idle engine shows none
                }
                publish(parts, ends);
            }
            fail(parts, loop, ends, closed());
        } catch (Throwable e) { // an Error, or a broken invariant of ours: nobody may wait for ever
            log.error("The engine of {} stops after a failure", folder.name(), e);
            failure = e;
            advance(EngineState.FAILED);
            fail(
                    parts,
                    loop,
                    ends,
                    new EngineException(EngineException.Kind.INTERNAL, "the engine stopped after a failure: " + e, e));
            listener.stopped(e);
        } finally {
            backend.close();
            advance(EngineState.CLOSED);
        }
    }

    private static EngineException closed() {
        return new EngineException(EngineException.Kind.CLOSED, "the engine was closed");
    }

    /** States only move on, and none follows a failure. */
    private void advance(EngineState next) {
        synchronized (gate) {
            if (state.compareTo(next) < 0) {
                state = next;
            }
        }
    }

    /** Remembers which requests ended in a step. Engine thread only. */
    private final class Ends implements EngineLoop.Ends {
        private final List<Sequence> sequences = new ArrayList<>();

        @Override
        public void ended(Sequence sequence) {
            unfinished.decrementAndGet();
        }

        @Override
        public void told(Sequence sequence) {
            sequences.add(sequence);
        }
    }

    /** Shows callers what a step has left: requests that have ended leave the list when their slots show as free. */
    private void publish(Loaded parts, Ends ends) {
        stand = parts.stand();
        for (Sequence sequence : ends.sequences) {
            live.remove(sequence.id());
        }
        ends.sequences.clear();
        if (state != EngineState.RUNNING) {
            synchronized (gate) {
                gate.notifyAll(); // somebody may wait for the last one
            }
        }
    }

    /**
     * A device of its own loads code at its first use, which the first request would wait for. The prompt is shorter than a block, so
     * that nothing of it stays in the prefix cache.
     */
    private void warmUp(ModelFolder folder, Loaded state) {
        int tokens = Math.max(1, Math.min(state.memory.slotBlock() - 1, state.memory.maxPromptTokens()));
        PruneSchedule dense = pruning.schedule().withoutSteps();
        GenerationRequest request =
                new GenerationRequest(new int[tokens], Sampling.GREEDY, WARM_UP_TOKENS, Set.of(), dense);
        Sequence sequence = new Sequence(
                0,
                request,
                PrunePlan.of(dense, tokens, model.layers()),
                model,
                state.memory.slotBlock(),
                settings.kv().swapPolicy(),
                new WarmUp(folder.name()),
                () -> {});
        if (tokens + WARM_UP_TOKENS > model.maxPositions() || !state.kv.canHold(sequence.cache.need())) {
            return; // a model for tests, whose first request has little to load
        }
        EngineLoop loop = state.loop(model, Duration.ZERO, EngineListener.NONE, WarmUp.ENDS);
        loop.add(sequence);
        while (loop.hasWork()) {
            loop.step();
        }
        state.kv.drain();
        state.kv.forgetCounts();
    }

    /** A request that nobody made; if it fails, so will the first real one, with a caller to tell. */
    private record WarmUp(String model) implements TokenListener {

        private static final EngineLoop.Ends ENDS = new EngineLoop.Ends() {
            @Override
            public void ended(Sequence sequence) {}

            @Override
            public void told(Sequence sequence) {}
        };

        @Override
        public void onToken(int id) {}

        @Override
        public void onFinished(FinishReason reason, GenerationReport report) {}

        @Override
        public void onFailed(RuntimeException failure) {
            log.warn("{}: the request that warms the device up failed", model, failure);
        }
    }

    /** Ends everything that was submitted, also what is still among the commands. */
    private void fail(Loaded parts, EngineLoop loop, Ends ends, EngineException failure) {
        advance(EngineState.CLOSING); // from here on nothing is added that nobody would take
        takeCommands(loop, false);
        loop.failAll(failure);
        publish(parts, ends);
    }

    private Loaded load(ModelFolder folder, Backend backend) {
        long start = System.nanoTime();
        ModelSpecs specs = ModelSpecs.of(folder, calibratedWhole(folder));
        List<WeightSpec> all = specs.all();
        MemoryPlan memory = MemoryPlan.of(
                model,
                backend.info(),
                settings,
                pruning.schedule().block(),
                pruning.schedule().unit(),
                size -> backend.bytesBeside(size, all));
        backend.prepare(
                memory.workSize(
                        model, settings.serving().batchMax(), pruning.schedule().unit()),
                all);
        ProgressLog progress = new ProgressLog();
        ModelWeights weights = ModelWeights.load(backend, folder, specs, model.maxPositions(), layers -> {
            if (progress.isDue()) {
                log.info(
                        "{}: loading weights, {} % ({} of {} layers) after {} s",
                        folder.name(), 100 * layers / model.layers(), layers, model.layers(), progress.seconds());
            }
        });
        Workspace space =
                new Workspace(backend, model, memory.maxPromptTokens(), memory.passingTokens(), memory.tile());
        KvPool pool = backend.allocateKv(
                memory.slots(), memory.slotBlock(), model.kvHeads(), model.headDim(), memory.kvType());
        KvCacheManager kv = cacheManager(backend, pool, memory);
        Scheduler scheduler = new Scheduler(kv, settings.serving().batchMax(), memory.passingTokens());
        HiddenRows hidden = memory.hiddenSlots() > 0
                ? new HiddenRows(backend, model.hidden(), memory.hiddenSlots(), memory.slotBlock())
                : null;
        Transformer transformer = new Transformer(backend, model, weights, space);
        ModelRunner runner = new ModelRunner(
                backend,
                model,
                transformer,
                space,
                pool,
                kv,
                hidden,
                settings.serving().batchMax(),
                settings.serving().prefillSlice());
        log.info(
                "{}: {} with {} layers, {} M parameters in {}, on {} ({}); {} MiB weights in {}, {} MiB KV cache ({} slots of {} tokens in {}), {} MiB workspace,"
                        + " {} MiB hidden states of prefixes;"
                        + " prompts up to {} tokens, schedule {} ({}) from {} tokens on; ready in {} ms",
                folder.name(),
                model.architecture(),
                model.layers(),
                Math.round(model.parameters() / 1e6),
                model.dtype(),
                backend.info().backend(),
                backend.info().description(),
                weights.bytes() >> 20,
                weights.report().text(),
                memory.kvBytes() >> 20,
                memory.slots(),
                memory.slotBlock(),
                memory.kvType(),
                memory.workspaceBytes() >> 20,
                memory.hiddenBytes() >> 20,
                memory.maxPromptTokens(),
                pruning.schedule().steps().isEmpty()
                        ? "dense"
                        : pruning.schedule().stepsText(),
                pruning.origin(),
                pruning.minPromptTokens(),
                (System.nanoTime() - start) / 1_000_000);
        if (settings.backendSettings().weightCache() != null && weights.report().cached() == null) {
            log.warn(
                    "slim-infer.weight-cache has no effect: no weights are packed in 8 bits here (backend '{}', slim-infer.weights={}). It is for"
                            + " weights=int8 and quantised GGUF files on the backend 'cpu'",
                    backend.info().backend(),
                    settings.backendSettings().weights());
        }
        MemoryUsage usage = new MemoryUsage(
                weights.bytes(),
                memory.kvBytes(),
                memory.hiddenBytes(),
                memory.workspaceBytes(),
                memory.hostSlots() * memory.slotBytes(),
                memory.diskSlots() * memory.slotBytes());
        return new Loaded(backend, backend.info(), weights.report(), memory, kv, usage, scheduler, runner);
    }

    /** Layers that calibration keeps as they are; it is read only where weights may be quantised. */
    private Map<String, Double> calibratedWhole(ModelFolder folder) {
        boolean quantises =
                switch (settings.backendSettings().weights()) {
                    case INT8 -> true;
                    case AUTO -> !folder.quantisedTypes().isEmpty();
                    case BF16 -> false;
                };
        return quantises
                ? CalibrationFile.find(folder).map(CalibrationFile::whole).orElse(Map.of())
                : Map.of();
    }

    private KvCacheManager cacheManager(Backend backend, KvPool pool, MemoryPlan memory) {
        KvSettings kv = settings.kv();
        if (!kv.offloads()) {
            return KvCacheManager.of(pool.slots(), pool.block(), pool.slotBytes(), memory.hiddenSlots());
        }
        Copies copies = backend.copies();
        if (copies == null) {
            throw new IllegalArgumentException("slim-infer.kv-cache.host-memory=" + kv.hostBytes()
                    + " and slim-infer.kv-cache.disk-size=" + kv.diskBytes() + ": the backend '"
                    + backend.info().backend() + "' cannot move KV blocks. Leave them out, or use another backend");
        }
        List<HostPool> tiers = new ArrayList<>();
        if (memory.hostSlots() > 0) {
            tiers.add(copies.allocateHost(memory.hostSlots(), pool.slotBytes(), null));
        }
        if (memory.diskSlots() > 0 && kv.disk() != null) {
            Path file =
                    kv.disk().resolve("slim-infer-kv-" + ProcessHandle.current().pid() + "-" + System.nanoTime());
            tiers.add(copies.allocateHost(memory.diskSlots(), pool.slotBytes(), file));
        }
        return KvCacheManager.of(pool, copies, tiers, memory.hiddenSlots(), kv.prefetchLayers(), backend.ops()::await);
    }

    private void takeCommands(EngineLoop loop, boolean wait) {
        try {
            Consumer<EngineLoop> command = wait ? commands.take() : commands.poll();
            while (command != null) {
                command.accept(loop);
                command = commands.poll();
            }
        } catch (InterruptedException e) {
            advance(EngineState.CLOSING);
            closed = true; // nobody but the process's end interrupts this thread
        }
    }

    @Override
    public Generation submit(GenerationRequest request, TokenListener listener) {
        try {
            return queue(check(request, listener));
        } catch (EngineException e) {
            this.listener.refused(e.kind());
            throw e;
        }
    }

    private Generation queue(Sequence sequence) {
        if (unfinished.incrementAndGet()
                > settings.serving().queueCapacity() + settings.serving().batchMax()) {
            unfinished.decrementAndGet();
            throw new EngineException(
                    EngineException.Kind.QUEUE_FULL,
                    "as many requests wait as slim-infer.queue-capacity="
                            + settings.serving().queueCapacity() + " allows: try again later, or raise it");
        }
        synchronized (gate) {
            if (state != EngineState.RUNNING) {
                unfinished.decrementAndGet();
                throw new EngineException(EngineException.Kind.CLOSED, "the engine is closed");
            }
            live.put(sequence.id(), sequence);
            commands.add(loop -> loop.add(sequence));
        }
        return sequence;
    }

    private Sequence check(GenerationRequest request, TokenListener listener) {
        int tokens = request.prompt().length;
        int limit = loaded.memory.maxPromptTokens();
        if (tokens > limit) {
            throw new EngineException(
                    EngineException.Kind.PROMPT_TOO_LONG,
                    "the prompt has " + tokens + " tokens, "
                            + (settings.maxPromptTokens() > 0
                                    ? "slim-infer.max-prompt-tokens allows " + limit
                                    : "the model takes " + limit
                                            + " (slim-infer.max-prompt-tokens is not set; max_position_embeddings="
                                            + model.maxPositions() + ")")
                            + ". It is not cut: send less, or raise the limit if the model allows it");
        }
        for (int id : request.prompt()) {
            if (id < 0 || id >= model.vocabulary()) {
                throw new IllegalArgumentException(
                        "token id " + id + " is not in the vocabulary of " + model.vocabulary() + " tokens");
            }
        }
        TokenConstraint constraint = request.constraint();
        if (constraint != null && constraint.vocabulary() > model.vocabulary()) {
            throw new IllegalArgumentException("the constraint is made for " + constraint.vocabulary()
                    + " tokens, but the model's vocabulary has " + model.vocabulary() + ": use the model's tokenizer");
        }
        int answerMax = settings.serving().maxAnswerTokens();
        if (answerMax > 0 && request.maxTokens() > answerMax) {
            throw new IllegalArgumentException("max-tokens=" + request.maxTokens()
                    + " is more than slim-infer.max-answer-tokens=" + answerMax
                    + " allows: ask for less, or raise it");
        }
        GenerationRequest bounded = request.maxTokens() <= model.maxPositions() - tokens
                ? request
                : request.withMaxTokens(model.maxPositions() - tokens);
        PruneSchedule schedule = request.schedule() != null ? request.schedule() : pruning.scheduleFor(tokens);
        PrunePlan plan = PrunePlan.of(schedule, tokens, model.layers());
        requireWholeSlots(schedule, loaded.memory.slotBlock());
        Sequence sequence = new Sequence(
                ids.incrementAndGet(),
                bounded,
                plan,
                model,
                loaded.memory.slotBlock(),
                settings.kv().swapPolicy(),
                listener,
                () -> commands.add(WAKE));
        if (!loaded.kv.canHold(sequence.cache.need())) {
            throw new EngineException(
                    EngineException.Kind.OUT_OF_MEMORY, tooLarge(sequence, tokens, bounded.maxTokens()));
        }
        return sequence;
    }

    private String tooLarge(Sequence sequence, int tokens, int maxTokens) {
        MemoryPlan memory = loaded.memory;
        String what = "; a prompt of " + tokens + " tokens with up to " + maxTokens + " generated needs ";
        long slots = sequence.cache.slotsNeeded();
        long slotsMin = sequence.cache.need().slotsMin(memory.slotBlock());
        String device =
                "slim-infer.kv-cache.memory=" + memory.kvBytes() + " bytes holds " + memory.slots() + " slots" + what;
        if (memory.bytesBehind() == 0) {
            return device + slots
                    + ". Raise it, set slim-infer.kv-cache.host-memory so that blocks may move there, lower max-tokens, prune more, or store less (slim-infer.kv-cache.type)";
        }
        if (slotsMin > memory.slots()) {
            return device + slotsMin
                    + " there even if all others move. Raise it, lower max-tokens, prune more, or store less (slim-infer.kv-cache.type)";
        }
        return "slim-infer.kv-cache.host-memory and disk-size=" + memory.bytesBehind() + " bytes hold "
                + (memory.hostSlots() + memory.diskSlots()) + " slots" + what + slots
                + ". Raise them, lower max-tokens, prune more, or store less (slim-infer.kv-cache.type)";
    }

    /** Active blocks are attended to slot by slot, so a block must fill its slots. */
    static void requireWholeSlots(PruneSchedule schedule, int slotBlock) {
        if (schedule.hasDecodeBudgets() && schedule.block() % slotBlock != 0) {
            throw new IllegalArgumentException(
                    "pruning schedule " + schedule.stepsText() + " has decode budgets and a"
                            + " pruning block of " + schedule.block() + " tokens, but a KV slot of this engine holds "
                            + slotBlock
                            + " (slim-infer.pruning.block): use a block that is a multiple of it, or leave the decode budgets out");
        }
    }

    @Override
    public EngineSnapshot snapshot() {
        Stand last = stand;
        return new EngineSnapshot(
                state,
                failure,
                settings.serving().queueCapacity(),
                settings.serving().batchMax(),
                live.values().stream().map(Sequence::live).toList(),
                last.kv,
                loaded.usage,
                last.deviceBytesPeak,
                last.prefixes);
    }

    @Override
    public ModelConfig model() {
        return model;
    }

    @Override
    public DeviceInfo device() {
        return loaded.device;
    }

    @Override
    public WeightReport weights() {
        return loaded.weights;
    }

    @Override
    public PruneDefaults pruning() {
        return pruning;
    }

    @Override
    public int maxAnswerTokens() {
        int limit = settings.serving().maxAnswerTokens();
        return limit == 0 ? model.maxPositions() - 1 : Math.min(limit, model.maxPositions() - 1);
    }

    @Override
    public int maxPromptTokens() {
        return loaded.memory.maxPromptTokens();
    }

    @Override
    public boolean drain(Duration grace) {
        advance(EngineState.CLOSING);
        commands.add(loop -> loop.refuseWaiting(
                new EngineException(EngineException.Kind.CLOSED, "the engine is closing and begins no more requests")));
        if (Thread.currentThread() == thread) {
            return live.isEmpty(); // a listener's call: what it would wait for needs this thread
        }
        boolean ended;
        boolean interrupted = false;
        try {
            ended = awaitEnd(grace);
        } catch (InterruptedException e) {
            ended = false;
            interrupted = true;
        }
        if (!ended) {
            stopAll();
            interrupted |= awaitStopped();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return ended;
    }

    /** Waits for what {@link #stopAll} stopped; gives whether the thread was interrupted meanwhile. */
    private boolean awaitStopped() {
        boolean interrupted = false;
        while (true) {
            try {
                awaitEnd(FOR_EVER);
                return interrupted;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
    }

    /** Every request ends at its next token or tile. */
    private void stopAll() {
        for (Sequence sequence : live.values()) {
            sequence.stopped = true;
        }
        commands.add(WAKE);
    }

    /** Waits until there are no requests, and gives whether it came to that in time. */
    private boolean awaitEnd(Duration longest) throws InterruptedException {
        long begin = System.nanoTime();
        synchronized (gate) {
            while (!live.isEmpty()) {
                long left = longest.toNanos() - (System.nanoTime() - begin);
                if (left <= 0) {
                    return false;
                }
                gate.wait(left / 1_000_000 + 1);
            }
        }
        return true;
    }

    @Override
    public void close() {
        advance(EngineState.CLOSING);
        closed = true;
        stopAll();
        commands.add(WAKE);
        boolean interrupted = false;
        while (thread.isAlive() && Thread.currentThread() != thread) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
