package io.sliminfer.chat;

import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.engine.Engine;
import io.sliminfer.engine.EngineException;
import io.sliminfer.engine.EngineSnapshot;
import io.sliminfer.engine.EngineState;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.Generation;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.GenerationRequest;
import io.sliminfer.engine.KvUsage;
import io.sliminfer.engine.MemoryUsage;
import io.sliminfer.engine.PruneDefaults;
import io.sliminfer.engine.TokenListener;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.RopeConfig;
import io.sliminfer.kv.KvTransfers;
import io.sliminfer.kv.PrefixCounts;
import io.sliminfer.model.WeightReport;
import io.sliminfer.prune.PruneSchedule;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * An engine without a model: plays the ids it is given, on a thread of its own as the real one does, or lets the test play them.
 * Thread-safe.
 */
public final class ScriptedEngine implements Engine {

    private final ModelConfig model;
    private final Deque<int[]> answers = new ConcurrentLinkedDeque<>();
    private final List<Playing> generations = new ArrayList<>();
    private volatile boolean closed;
    private volatile Function<int[], int[]> answerer = prompt -> null;

    /** What is played after the engine is closed is dropped. */
    private final ThreadPoolExecutor thread = new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
                Thread engineThread = new Thread(task, "scripted-engine");
                engineThread.setDaemon(true);
                return engineThread;
            },
            new ThreadPoolExecutor.DiscardPolicy());

    public ScriptedEngine(int vocabulary, int maxPositions, Set<Integer> endOfSequence) {
        this.model = new ModelConfig(
                "llama",
                vocabulary,
                64,
                128,
                2,
                4,
                2,
                16,
                1e-5f,
                new RopeConfig(10000, new RopeConfig.None()),
                false,
                false,
                false,
                false,
                true,
                maxPositions,
                endOfSequence,
                DType.F32);
    }

    /** The next request without an answer gets these ids; an end-of-sequence id among them ends it. */
    public ScriptedEngine answer(int... ids) {
        answers.add(ids.clone());
        return this;
    }

    /** Makes the answers to requests for which {@link #answer} has none, from their prompts; null lets the test play. */
    public ScriptedEngine answering(Function<int[], int[]> answers) {
        answerer = answers;
        return this;
    }

    /** All requests so far, with the means to play them by hand. */
    public synchronized List<Playing> generations() {
        return List.copyOf(generations);
    }

    public Playing last() {
        List<Playing> all = generations();
        return all.get(all.size() - 1);
    }

    /** A submitted request. Its methods may be called from any thread; what they tell the listener is told on the engine's. */
    public final class Playing implements Generation {

        private final long id;
        private final GenerationRequest request;
        private final TokenListener listener;
        private final CountDownLatch cancelled = new CountDownLatch(1);
        private int generated;
        private boolean ended;

        private Playing(long id, GenerationRequest request, TokenListener listener) {
            this.id = id;
            this.request = request;
            this.listener = listener;
        }

        public GenerationRequest request() {
            return request;
        }

        public void token(int id) {
            thread.execute(() -> playToken(id));
        }

        public void finish(FinishReason reason) {
            thread.execute(() -> playEnd(reason));
        }

        public void fail(RuntimeException failure) {
            thread.execute(() -> playFailure(failure));
        }

        @Override
        public long id() {
            return id;
        }

        @Override
        public void cancel() {
            cancelled.countDown();
            thread.execute(() -> playEnd(FinishReason.CANCELLED));
        }

        @Override
        public void stop() {
            cancelled.countDown();
            thread.execute(() -> playEnd(FinishReason.STOP));
        }

        public boolean awaitCancel() throws InterruptedException {
            return cancelled.await(10, TimeUnit.SECONDS);
        }

        private void playToken(int id) {
            if (ended) {
                return;
            }
            generated++;
            if (request.stopIds().contains(id)) {
                playEnd(FinishReason.STOP);
                return;
            }
            listener.onToken(id);
            if (generated == request.maxTokens()) {
                playEnd(FinishReason.LENGTH);
            }
        }

        private void playEnd(FinishReason reason) {
            if (!ended) {
                ended = true;
                listener.onFinished(reason, report(id, request.prompt().length, generated));
            }
        }

        private void playFailure(RuntimeException failure) {
            if (!ended) {
                ended = true;
                listener.onFailed(failure);
            }
        }
    }

    private static GenerationReport report(long id, int promptTokens, int generated) {
        return new GenerationReport(
                id,
                promptTokens,
                0,
                generated,
                List.of(),
                0,
                0,
                0,
                0,
                KvTransfers.NONE,
                1,
                Instant.now(),
                Duration.ZERO,
                Duration.ofMillis(5),
                List.of(),
                Duration.ofMillis(2));
    }

    @Override
    public synchronized Generation submit(GenerationRequest request, TokenListener listener) {
        if (closed) {
            throw new EngineException(EngineException.Kind.CLOSED, "the engine is closed");
        }
        Playing playing = new Playing(generations.size() + 1L, request, listener);
        generations.add(playing);
        int[] ids = answers.isEmpty() ? answerer.apply(request.prompt()) : answers.poll();
        if (ids != null) {
            for (int id : ids) {
                playing.token(id);
            }
            playing.finish(FinishReason.LENGTH);
        }
        return playing;
    }

    @Override
    public EngineSnapshot snapshot() {
        KvUsage.Tier none = new KvUsage.Tier(0, 0);
        return new EngineSnapshot(
                closed ? EngineState.CLOSED : EngineState.RUNNING,
                null,
                0,
                0,
                List.of(),
                new KvUsage(0, none, none, none),
                new MemoryUsage(0, 0, 0, 0, 0, 0),
                0,
                PrefixCounts.NONE);
    }

    @Override
    public ModelConfig model() {
        return model;
    }

    @Override
    public DeviceInfo device() {
        return new DeviceInfo("scripted", "plays ids without a model", DType.F32, 0);
    }

    @Override
    public WeightReport weights() {
        return WeightReport.UNKNOWN;
    }

    @Override
    public PruneDefaults pruning() {
        return new PruneDefaults(PruneSchedule.dense(), 0);
    }

    @Override
    public int maxAnswerTokens() {
        return 8192;
    }

    @Override
    public boolean drain(Duration grace) {
        close();
        return true;
    }

    @Override
    public int maxPromptTokens() {
        return model.maxPositions() - 1;
    }

    @Override
    public void close() {
        closed = true;
        for (Playing playing : generations()) {
            playing.fail(new EngineException(EngineException.Kind.CLOSED, "the engine was closed"));
        }
        thread.shutdown();
    }
}
