package io.sliminfer.benchmarks.serve;

import io.sliminfer.engine.FinishReason;
import io.sliminfer.engine.GenerationReport;
import io.sliminfer.engine.TokenListener;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** What a caller sees of one request: ids as they come, with the time of each. The engine's thread writes, the caller reads after the end. */
final class Answer implements TokenListener {

    private final long submittedNanos = System.nanoTime();
    private final int[] ids;
    private final long[] nanos;
    private final CompletableFuture<GenerationReport> end = new CompletableFuture<>();
    private int count;
    private @Nullable FinishReason reason;

    /** @param prompt which of the prompts it answers */
    Answer(int prompt, int tokensMax) {
        this.prompt = prompt;
        this.ids = new int[tokensMax];
        this.nanos = new long[tokensMax];
    }

    private final int prompt;

    @Override
    public void onToken(int id) {
        nanos[count] = System.nanoTime();
        ids[count++] = id;
    }

    @Override
    public void onFinished(FinishReason why, GenerationReport report) {
        reason = why;
        end.complete(report);
    }

    @Override
    public void onFailed(RuntimeException failure) {
        end.completeExceptionally(failure);
    }

    /**
     * Waits for the end until a time.
     *
     * @return whether it came
     */
    boolean awaitEnd(long deadlineNanos) throws InterruptedException {
        try {
            end.get(Math.max(0, deadlineNanos - System.nanoTime()), TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            return true;
        }
    }

    /** The failure that ended it, or null; it has ended. */
    @Nullable
    Throwable failure() {
        return end.handle((report, failure) -> failure).join();
    }

    /** What it cost; it has ended without a failure. */
    GenerationReport report() {
        return end.join();
    }

    int prompt() {
        return prompt;
    }

    int[] ids() {
        return Arrays.copyOf(ids, count);
    }

    boolean isComplete() {
        return reason == FinishReason.LENGTH;
    }

    /** Tokens that came before a time. */
    int tokensUntil(long deadlineNanos) {
        int tokens = 0;
        while (tokens < count && nanos[tokens] - deadlineNanos <= 0) {
            tokens++;
        }
        return tokens;
    }

    /** Submit to first token in milliseconds; there is one. */
    double firstTokenMillis() {
        return (nanos[0] - submittedNanos) * 1e-6;
    }

    /** Milliseconds from the token before to the one at an index, above 0. */
    double gapMillis(int token) {
        return (nanos[token] - nanos[token - 1]) * 1e-6;
    }
}
