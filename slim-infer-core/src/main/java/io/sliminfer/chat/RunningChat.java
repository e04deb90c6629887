package io.sliminfer.chat;

import io.sliminfer.chat.tools.ToolCall;
import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.Generation;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.TokenListener;
import io.sliminfer.grammar.Grammar;
import io.sliminfer.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One answer on its way from ids to text. The engine's thread only notes what happened; decoding and the listener run on the
 * executor, in one task at a time.
 */
final class RunningChat implements ChatGeneration, TokenListener {

    private static final Logger log = LoggerFactory.getLogger(RunningChat.class);

    /** How the engine ended the generation: a reason with a report, or a failure. */
    private record End(
            @Nullable FinishReason reason, @Nullable GenerationReport report, @Nullable RuntimeException failure) {}

    private final ChatListener listener;
    private final Executor executor;
    private final CompletableFuture<ChatResult> result = new CompletableFuture<>();

    // Noted by the engine's thread, taken by the task; guarded by this.
    private int[] ids = new int[16];
    private int count;
    private @Nullable End end;
    private boolean scheduled;
    private boolean cancelled;
    private boolean whole;
    private @Nullable Generation generation;

    // Of the task alone.
    private final AnswerReader reader;
    private final @Nullable Grammar format;
    /** Behind this the answer begins, where thinking is part of the text. */
    private final String thinkingClose;

    private final StringBuilder answer = new StringBuilder();
    private final StringBuilder thinking = new StringBuilder();
    private final List<ToolCall> calls = new ArrayList<>();
    private @Nullable String callProblem;
    private @Nullable RuntimeException listenerFailure;

    /** @param format what the answer must be, or null for anything */
    RunningChat(
            Tokenizer tokenizer,
            AnswerReader.Settings settings,
            @Nullable Grammar format,
            ChatListener listener,
            Executor executor) {
        this.format = format;
        this.thinkingClose =
                settings.thinkingOpen() && settings.mode() == ThinkingMode.INLINE && settings.thinking() != null
                        ? settings.thinking().close()
                        : "";
        this.reader = new AnswerReader(tokenizer, settings, new Delivery());
        this.listener = listener;
        this.executor = executor;
    }

    /** Tells what to cancel. Tokens may have come before. */
    void started(Generation submitted) {
        boolean cancelNow;
        boolean stopNow;
        synchronized (this) {
            generation = submitted;
            cancelNow = cancelled;
            stopNow = whole;
        }
        if (cancelNow) {
            submitted.cancel();
        } else if (stopNow) {
            submitted.stop();
        }
    }

    @Override
    public void onToken(int id) {
        synchronized (this) {
            if (count == ids.length) {
                ids = Arrays.copyOf(ids, 2 * count);
            }
            ids[count++] = id;
        }
        schedule();
    }

    @Override
    public void onFinished(FinishReason reason, GenerationReport report) {
        end(new End(reason, report, null));
    }

    @Override
    public void onFailed(RuntimeException failure) {
        end(new End(null, null, failure));
    }

    private void end(End how) {
        synchronized (this) {
            end = how;
        }
        schedule();
    }

    private void schedule() {
        synchronized (this) {
            if (scheduled) {
                return;
            }
            scheduled = true;
        }
        try {
            executor.execute(this::deliver);
        } catch (RuntimeException | Error e) { // no thread to be had: nobody may wait for ever
            cancel();
            result.completeExceptionally(
                    new IllegalStateException("no thread could be started to deliver an answer", e));
            throw e;
        }
    }

    private void deliver() {
        while (true) {
            int[] taken;
            End ended;
            synchronized (this) {
                if (count == 0 && end == null) {
                    scheduled = false;
                    return;
                }
                taken = Arrays.copyOf(ids, count);
                count = 0;
                ended = end;
            }
            for (int id : taken) {
                reader.append(id);
            }
            if (reader.isStopped()) {
                stop();
            }
            if (ended != null) {
                // 'scheduled' stays true: nothing is delivered after the end.
                finish(ended);
                return;
            }
        }
    }

    /** A listener that throws ends its own generation, not the engine. */
    private void tell(Runnable call) {
        try {
            call.run();
        } catch (RuntimeException | Error e) {
            log.warn("A chat listener failed; its generation is cancelled", e);
            listenerFailure = e instanceof RuntimeException failure
                    ? failure
                    : new IllegalStateException("the chat listener failed: " + e, e);
            cancel();
        }
    }

    private void finish(End ended) {
        RuntimeException failure = ended.failure() == null ? listenerFailure : ended.failure();
        if (failure == null && ended.reason() != null && ended.report() != null) {
            reader.finish();
            Boolean complete = formatComplete();
            FinishReason stopped = Boolean.FALSE.equals(complete) ? FinishReason.CUT : FinishReason.STOP;
            FinishReason reason = reader.isStopped() ? stopped : ended.reason();
            ChatResult finished = new ChatResult(
                    answer.toString(), thinking.toString(), calls, callProblem, reason, ended.report(), complete);
            failure = listenerFailure;
            if (failure == null) {
                tell(() -> listener.onFinished(finished));
                result.complete(finished);
                return;
            }
        }
        RuntimeException told =
                failure == null ? new IllegalStateException("a generation ended without a report") : failure;
        tell(() -> listener.onFailed(told));
        result.completeExceptionally(told);
    }

    private @Nullable Boolean formatComplete() {
        if (format == null) {
            return null;
        }
        int thought = thinkingClose.isEmpty() ? 0 : answer.indexOf(thinkingClose) + thinkingClose.length();
        String formatted = answer.substring(Math.max(0, thought)).stripLeading();
        if (formatted.isEmpty() && !calls.isEmpty()) {
            return null;
        }
        return format.match(formatted) == Grammar.Match.COMPLETE;
    }

    @Override
    public ChatResult join() {
        try {
            return result.get();
        } catch (InterruptedException e) {
            cancel();
            Thread.currentThread().interrupt();
            CancellationException cancellation =
                    new CancellationException("the thread that waited for the answer was interrupted");
            cancellation.initCause(e);
            throw cancellation;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IllegalStateException(e);
        }
    }

    /** A stop string has ended the answer: the engine need not go on. */
    private void stop() {
        Generation running;
        synchronized (this) {
            whole = true;
            running = generation;
        }
        if (running != null) {
            running.stop();
        }
    }

    @Override
    public void cancel() {
        Generation running;
        synchronized (this) {
            cancelled = true;
            running = generation;
        }
        if (running != null) {
            running.cancel();
        }
    }

    /** What the answer holds, on its way to the listener; one that failed hears no more. */
    private final class Delivery implements AnswerReader.Output {

        @Override
        public void text(String text) {
            answer.append(text);
            pass(() -> listener.onText(text));
        }

        @Override
        public void thinking(String text) {
            thinking.append(text);
            pass(() -> listener.onThinking(text));
        }

        @Override
        public void call(ToolCall call) {
            calls.add(call);
            pass(() -> listener.onToolCall(call));
        }

        @Override
        public void malformed(String problem) {
            callProblem = problem;
        }

        private void pass(Runnable call) {
            if (listenerFailure == null) {
                tell(call);
            }
        }
    }
}
