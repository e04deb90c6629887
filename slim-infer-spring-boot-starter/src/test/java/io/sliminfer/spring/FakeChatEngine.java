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
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.Generation;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.GenerationRequest;
import io.sliminfer.engine.PruneDefaults;
import io.sliminfer.engine.TokenListener;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.kv.KvTransfers;
import io.sliminfer.prune.PruneSchedule;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Queue;
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
    static final GenerationReport REPORT = new GenerationReport(
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
            Instant.EPOCH,
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
    PruneDefaults pruning = new PruneDefaults(PruneSchedule.dense(), 1024);
    Runnable onSubmit = () -> {};
    RuntimeException refusal;
    RuntimeException failure;
    boolean endless;
    boolean closed;

    public FakeChatEngine(String... pieces) {
        this.pieces = List.of(pieces);
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
        return new Engine() {
            @Override
            public Generation submit(GenerationRequest request, TokenListener listener) {
                throw new UnsupportedOperationException();
            }

            @Override
            public EngineSnapshot snapshot() {
                throw new UnsupportedOperationException();
            }

            @Override
            public ModelConfig model() {
                throw new UnsupportedOperationException();
            }

            @Override
            public DeviceInfo device() {
                throw new UnsupportedOperationException();
            }

            @Override
            public PruneDefaults pruning() {
                return pruning;
            }

            @Override
            public int maxPromptTokens() {
                return 8192;
            }

            @Override
            public void close() {}
        };
    }
}
