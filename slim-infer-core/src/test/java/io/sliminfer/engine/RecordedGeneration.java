package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** What a listener was told, for tests to wait for. A wait that takes too long fails. */
class RecordedGeneration implements TokenListener {

    private static final long SECONDS_MAX = 60;

    /** How it ended: one of the two is null. */
    record End(FinishReason reason, GenerationReport report, RuntimeException failure) {}

    private final List<Integer> tokens = new ArrayList<>();
    private final CompletableFuture<End> end = new CompletableFuture<>();
    private boolean endedTwice;

    @Override
    public synchronized void onToken(int id) {
        tokens.add(id);
    }

    @Override
    public synchronized void onFinished(FinishReason reason, GenerationReport report) {
        endedTwice |= !end.complete(new End(reason, report, null));
    }

    @Override
    public synchronized void onFailed(RuntimeException failure) {
        endedTwice |= !end.complete(new End(null, null, failure));
    }

    synchronized List<Integer> tokens() {
        return List.copyOf(tokens);
    }

    /** Its failure, or null if it finished; it must have ended. */
    @Nullable
    RuntimeException failure() {
        return end().failure();
    }

    boolean hasEnded() {
        return end.isDone();
    }

    private End end() {
        try {
            End told = end.get(SECONDS_MAX, TimeUnit.SECONDS);
            assertThat(endedTwice).as("told of its end twice").isFalse();
            return told;
        } catch (TimeoutException e) {
            throw new AssertionError("no end after " + SECONDS_MAX + " s; tokens so far: " + tokens(), e);
        } catch (InterruptedException | ExecutionException e) {
            throw new AssertionError(e);
        }
    }

    /** Waits for an end that is no failure. */
    GenerationReport awaitFinish(FinishReason reason) {
        End told = end();
        if (told.failure() != null) {
            throw new AssertionError("failed instead of " + reason, told.failure());
        }
        assertThat(told.reason()).isEqualTo(reason);
        return told.report();
    }

    /** Waits for a failure of the engine. */
    EngineException awaitFailure(EngineException.Kind kind) {
        End told = end();
        assertThat(told.failure())
                .as("failure (finished with %s)", told.reason())
                .isInstanceOf(EngineException.class);
        EngineException failure = (EngineException) told.failure();
        assertThat(failure.kind()).as(failure.getMessage()).isEqualTo(kind);
        return failure;
    }

    /** Waits until it has this many tokens. */
    void awaitTokens(int count) {
        await("token " + count, () -> tokens().size() >= count || hasEnded());
        assertThat(tokens()).hasSizeGreaterThanOrEqualTo(count);
    }

    /** Waits for what another thread will bring about. */
    static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("waited too long for %s", what).isLessThan(deadline);
            Thread.onSpinWait();
            Thread.yield();
        }
    }
}
