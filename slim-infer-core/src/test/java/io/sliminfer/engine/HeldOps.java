package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.sliminfer.backend.HookedBackend;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Counts an operation and holds the engine's thread before one of its calls until a test lets it go. */
final class HeldOps implements HookedBackend.Hook, AutoCloseable {

    private final String op;
    private final AtomicInteger calls = new AtomicInteger();
    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);
    private final int heldCall;

    /**
     * @param op       name of the operation
     * @param heldCall which of its calls is held, counted from 1
     */
    HeldOps(String op, int heldCall) {
        this.op = op;
        this.heldCall = heldCall;
    }

    @Override
    public void before(String called, Object[] arguments) {
        if (called.equals(op) && calls.incrementAndGet() == heldCall) {
            reached.countDown();
            await(released);
        }
    }

    /** Waits until the engine's thread is held. */
    void awaitHeld() {
        await(reached);
    }

    void release() {
        released.countDown();
    }

    int calls() {
        return calls.get();
    }

    /** Lets the engine's thread go also when a test fails, so that its engine can be closed. */
    @Override
    public void close() {
        release();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).as("waited too long").isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
