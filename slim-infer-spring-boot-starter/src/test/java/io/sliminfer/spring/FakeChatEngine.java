package io.sliminfer.spring;

import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.chat.ChatEngine;
import io.sliminfer.chat.ChatGeneration;
import io.sliminfer.chat.ChatListener;
import io.sliminfer.chat.ChatPrompt;
import io.sliminfer.chat.ChatRequest;
import io.sliminfer.chat.ChatResult;
import io.sliminfer.chat.PromptBlock;
import io.sliminfer.engine.Engine;
import io.sliminfer.engine.EngineSnapshot;
import io.sliminfer.engine.EngineState;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.Generation;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.GenerationRequest;
import io.sliminfer.engine.KvUsage;
import io.sliminfer.engine.LiveRequest;
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
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A chat engine that says what it is told to, from a thread of its own, and keeps what it was asked.
 */
public final class FakeChatEngine implements ChatEngine {

    public static final String MODEL = "fake-model";
    public static final EngineSnapshot IDLE = snapshot(EngineState.RUNNING, null);

    private static final ModelConfig CONFIG = new ModelConfig(
            "llama",
            1000,
            64,
            128,
            8,
            4,
            2,
            16,
            1e-5f,
            new RopeConfig(10_000, new RopeConfig.None()),
            false,
            false,
            false,
            false,
            true,
            8192,
            Set.of(2),
            DType.BF16);

    public static final GenerationReport REPORT = new GenerationReport(
            1,
            4096,
            1024,
            3,
            List.of(
                    new GenerationReport.Stage(0, 3, 4096, List.of(0, 1, 2, 3)),
                    new GenerationReport.Stage(4, 7, 2048, List.of(0, 3), new GenerationReport.Decode(1024, 2))),
            0.25,
            0.3,
            3e12,
            1L << 33,
            KvTransfers.NONE,
            1.5,
            Instant.parse("2026-11-26T12:00:00Z"),
            Duration.ofMillis(5),
            Duration.ofMillis(120),
            List.of(Duration.ofMillis(80), Duration.ofMillis(35)),
            Duration.ofMillis(30));

    static final List<PromptBlock> PROMPT =
            List.of(new PromptBlock(0, 64, PromptBlock.Role.SINK, "user: the secret of the prompt"));

    final Queue<ChatRequest> requests = new ConcurrentLinkedQueue<>();
    final AtomicInteger cancelled = new AtomicInteger();
    final CountDownLatch cancelSeen = new CountDownLatch(1);

    private final List<String> pieces;
    private final Engine engine = new FakeEngine(); // one for good: meters hold it by a weak reference
    PruneDefaults pruning = new PruneDefaults(PruneSchedule.dense(), 1024);
    Runnable onSubmit = () -> {};
    public volatile EngineSnapshot snapshot = IDLE;
    public RuntimeException refusal;
    public RuntimeException failure;
    boolean endless;
    boolean closed;

    public FakeChatEngine(String... pieces) {
        this.pieces = List.of(pieces);
    }

    /** An engine with two places to decode in, two to wait in, and these requests. */
    public static EngineSnapshot snapshot(EngineState state, Throwable failure, LiveRequest... requests) {
        return new EngineSnapshot(
                state,
                failure,
                2,
                2,
                List.of(requests),
                new KvUsage(4096, new KvUsage.Tier(100, 40), new KvUsage.Tier(50, 20), new KvUsage.Tier(30, 10)),
                new MemoryUsage(1000, 2000, 300, 400, 500, 600),
                7000,
                new PrefixCounts(5, 11, 7, 900));
    }

    public boolean isClosed() {
        return closed;
    }

    @Override
    public String modelName() {
        return MODEL;
    }

    @Override
    public ChatGeneration submit(ChatRequest request, ChatListener listener) {
        requests.add(request);
        onSubmit.run();
        if (refusal != null) {
            throw refusal;
        }
        listener.onPrompt(new ChatPrompt() {
            @Override
            public int tokens() {
                return 64;
            }

            @Override
            public List<PromptBlock> blocks() {
                return PROMPT;
            }
        });
        Work work = new Work(listener);
        Thread thread = new Thread(work, "fake-delivery");
        thread.setDaemon(true);
        thread.start();
        return work;
    }

    @Override
    public ChatResult generate(ChatRequest request) {
        return submit(request, new ChatListener() {
                    @Override
                    public void onText(String text) {}

                    @Override
                    public void onFinished(ChatResult result) {}

                    @Override
                    public void onFailed(RuntimeException cause) {}
                })
                .join();
    }

    @Override
    public void close() {
        closed = true;
    }

    private final class Work implements ChatGeneration, Runnable {

        private final ChatListener listener;
        private final CompletableFuture<ChatResult> result = new CompletableFuture<>();
        private volatile boolean stop;

        private Work(ChatListener listener) {
            this.listener = listener;
        }

        @Override
        public void run() {
            StringBuilder text = new StringBuilder();
            do {
                for (String piece : pieces) {
                    if (stop) {
                        break;
                    }
                    text.append(piece);
                    listener.onText(piece);
                }
            } while (endless && !stop);
            if (failure != null) {
                listener.onFailed(failure);
                result.completeExceptionally(failure);
                return;
            }
            FinishReason reason = stop ? FinishReason.CANCELLED : FinishReason.STOP;
            ChatResult finished = new ChatResult(text.toString(), reason, REPORT);
            listener.onFinished(finished);
            result.complete(finished);
        }

        @Override
        public ChatResult join() {
            try {
                return result.join();
            } catch (CompletionException e) {
                throw (RuntimeException) e.getCause();
            }
        }

        @Override
        public void cancel() {
            stop = true;
            cancelled.incrementAndGet();
            cancelSeen.countDown();
        }
    }

    @Override
    public Engine engine() {
        return engine;
    }

    private final class FakeEngine implements Engine {

        @Override
        public Generation submit(GenerationRequest request, TokenListener listener) {
            throw new UnsupportedOperationException();
        }

        @Override
        public EngineSnapshot snapshot() {
            return snapshot;
        }

        @Override
        public ModelConfig model() {
            return CONFIG;
        }

        @Override
        public DeviceInfo device() {
            return new DeviceInfo("fake", "no device at all", DType.F32, 1L << 30);
        }

        @Override
        public WeightReport weights() {
            return new WeightReport(
                    List.of("Q4_K"),
                    List.of(new WeightReport.Form("int8", 900), new WeightReport.Form("bf16", 100)),
                    0.009,
                    List.of(new WeightReport.Kept("model.layers.1.mlp.down_proj", "bf16", "its outputs differ")),
                    new WeightReport.Cached(7, 8));
        }

        @Override
        public PruneDefaults pruning() {
            return pruning;
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
            return 8192;
        }

        @Override
        public void close() {}
    }
}
