package io.sliminfer.engine;

import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.Copies;
import io.sliminfer.backend.HookedBackend;
import io.sliminfer.backend.QueuedBackend;
import io.sliminfer.backend.TestBackends;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelFolder;
import io.sliminfer.format.SmallModels;
import io.sliminfer.prune.PruneSchedule;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** An engine of a small model with its folder; on the plain Java backend in float32 unless a test or {@link TestBackends} says otherwise. */
final class TestEngine implements AutoCloseable {

    /** Settings that a test changes. */
    static final class Settings {
        private String backend = TestBackends.single("java");
        private DType compute = DType.F32;
        private int threads = 1;
        private WeightPrecision weights = WeightPrecision.AUTO;
        private @Nullable Path weightCache;
        private int maxPromptTokens;
        private UnaryOperator<Copies> copies = UnaryOperator.identity();
        private KvSettings kv = KvSettings.defaults();
        private int batchMax = 4;
        private int queueCapacity = 64;
        private Duration queueWait = Duration.ZERO;
        private Duration prefillSlice = ServingSettings.PREFILL_SLICE_DEFAULT;
        private int maxAnswerTokens;
        private int prefillTile = 16;
        private PruneSettings pruning = PruneSettings.of(PruneSchedule.dense(), 0);
        private HookedBackend.@Nullable Hook hook;
        private EngineListener listener = EngineListener.NONE;
        private QueuedBackend.@Nullable Queue queue;

        /** Runs operations behind a queue, as a device does. */
        Settings queue(QueuedBackend.Queue ofDevice) {
            queue = ofDevice;
            return this;
        }

        Settings listener(EngineListener told) {
            listener = told;
            return this;
        }

        Settings backend(String name) {
            backend = name;
            return this;
        }

        Settings compute(DType dtype) {
            compute = dtype;
            return this;
        }

        Settings weights(WeightPrecision form) {
            weights = form;
            return this;
        }

        Settings weightCache(Path folder) {
            weightCache = folder;
            return this;
        }

        Settings threads(int count) {
            threads = count;
            return this;
        }

        Settings maxPromptTokens(int tokens) {
            maxPromptTokens = tokens;
            return this;
        }

        Settings kvMemoryBytes(long bytes) {
            kv = KvSettings.ofMemory(bytes);
            return this;
        }

        Settings batchMax(int sequences) {
            batchMax = sequences;
            return this;
        }

        Settings queueCapacity(int requests) {
            queueCapacity = requests;
            return this;
        }

        Settings queueWait(Duration longest) {
            queueWait = longest;
            return this;
        }

        Settings prefillSlice(Duration time) {
            prefillSlice = time;
            return this;
        }

        Settings maxAnswerTokens(int tokens) {
            maxAnswerTokens = tokens;
            return this;
        }

        Settings prefillTile(int rows) {
            prefillTile = rows;
            return this;
        }

        Settings pruning(PruneSettings settings) {
            pruning = settings;
            return this;
        }

        Settings hook(HookedBackend.Hook called) {
            hook = called;
            return this;
        }

        Settings copies(UnaryOperator<Copies> decorator) {
            copies = decorator;
            return this;
        }

        Settings kv(KvSettings settings) {
            kv = settings;
            return this;
        }

        TestEngine open(Path folder) {
            return new TestEngine(folder, this);
        }
    }

    final LocalEngine engine;
    private volatile boolean opened;
    private final ModelFolder folder;

    private TestEngine(Path path, Settings settings) {
        folder = ModelFolder.open(path);
        try {
            BackendProvider chosen = Backends.choose(settings.backend);
            BackendProvider provider = HookedBackend.provider(
                    settings.queue == null ? chosen : QueuedBackend.provider(chosen, settings.queue),
                    hook(settings),
                    settings.copies);
            EngineSettings all = new EngineSettings(
                    settings.backend,
                    new BackendSettings(settings.compute, settings.threads)
                            .withWeights(settings.weights)
                            .withWeightCache(settings.weightCache),
                    settings.pruning,
                    settings.maxPromptTokens,
                    settings.kv,
                    new ServingSettings(
                            settings.batchMax,
                            settings.queueCapacity,
                            settings.queueWait,
                            settings.prefillSlice,
                            settings.maxAnswerTokens),
                    settings.prefillTile);
            engine = LocalEngine.open(folder, all, provider, settings.listener);
            opened = true;
        } catch (RuntimeException e) {
            folder.close();
            throw e;
        }
    }

    /** A device of its own runs a request of the engine's while it opens, which no test means. */
    private HookedBackend.@Nullable Hook hook(Settings settings) {
        HookedBackend.Hook hook = settings.hook;
        if (hook == null || !settings.backend.equals("cuda")) {
            return hook;
        }
        return (op, arguments) -> {
            if (opened) {
                hook.before(op, arguments);
            }
        };
    }

    static Settings settings() {
        return new Settings();
    }

    /** A greedy request without stop ids after the engine's own schedule. */
    static GenerationRequest greedy(int[] prompt, int maxTokens) {
        return new GenerationRequest(prompt, Sampling.GREEDY, maxTokens, Set.of(), null);
    }

    /** A prompt of random ids. */
    int[] prompt(long seed, int tokens) {
        return SmallModels.prompt(seed, tokens, engine.model().vocabulary());
    }

    /** Submits and returns at once. */
    RecordedGeneration submit(GenerationRequest request) {
        RecordedGeneration recorded = new RecordedGeneration();
        engine.submit(request, recorded);
        return recorded;
    }

    /** Waits until nothing runs; the slots in use then. The last request must have taken more than one step. */
    int slotsUsedWhenIdle() {
        RecordedGeneration.await("an idle engine", () -> {
            EngineSnapshot snapshot = engine.snapshot();
            return snapshot.running() == 0 && snapshot.queued() == 0;
        });
        return engine.snapshot().kv().device().used();
    }

    @Override
    public void close() {
        engine.close();
        folder.close();
    }
}
