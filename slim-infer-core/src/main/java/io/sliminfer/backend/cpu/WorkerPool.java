package io.sliminfer.backend.cpu;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of threads that share the tasks of one parallel loop at a time. The caller is one of them (worker 0), the others
 * are daemons. Which worker runs which task is not fixed, so a task must own the output elements it writes: then results do not
 * depend on the number of threads. One thread at a time may call {@link #run}.
 */
public final class WorkerPool implements AutoCloseable {

    /** One iteration of a parallel loop. */
    @FunctionalInterface
    public interface Task {
        /**
         * @param index  0 .. tasks - 1
         * @param worker 0 .. {@link #threads} - 1; no two tasks run with the same number at the same time, so it selects scratch memory
         */
        void run(int index, int worker);
    }

    // The next loop of a forward pass starts within microseconds: waiting that long awake (about 30 us) saves the
    // wake-up.
    private static final int SPINS = 500;

    private final Thread[] workers;
    private final AtomicBoolean busy = new AtomicBoolean();
    private volatile @Nullable Round round;
    private volatile boolean closed;

    /**
     * @param threads threads in all, the caller included; 0 for one on each available processor
     * @param name    prefix of the threads' names
     */
    public WorkerPool(int threads, String name) {
        if (threads < 0) {
            throw new IllegalArgumentException(
                    "threads=" + threads + " is not allowed: use 1 or more, or 0 for one on each available processor");
        }
        int count = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        workers = new Thread[count - 1];
        for (int i = 0; i < workers.length; i++) {
            int worker = i + 1;
            workers[i] = new Thread(() -> serve(worker), name + "-" + worker);
            workers[i].setDaemon(true);
            workers[i].start();
        }
    }

    /** Threads that run tasks, the caller included. */
    public int threads() {
        return workers.length + 1;
    }

    /**
     * Runs {@code task} for each index below {@code tasks} and returns when all are done.
     *
     * @throws IllegalStateException if called from a task or by two threads at once, or after {@link #close}
     * @throws RuntimeException the first exception of a task (or error); tasks not yet begun are left out then
     */
    public void run(int tasks, Task task) {
        enter("run");
        try {
            Round next = new Round(task, tasks, Thread.currentThread());
            int helpers = Math.min(workers.length, tasks - 1);
            if (helpers > 0) {
                round = next;
                for (int i = 0; i < helpers; i++) {
                    LockSupport.unpark(workers[i]);
                }
            }
            next.work(0);
            next.await();
            next.rethrow();
        } finally {
            busy.set(false);
        }
    }

    /** Ends the threads and waits for them. May be called twice, not from a task. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        enter("close");
        closed = true;
        boolean interrupted = false;
        for (Thread worker : workers) {
            LockSupport.unpark(worker);
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void enter(String call) {
        if (closed) {
            throw new IllegalStateException("worker pool is closed");
        }
        if (!busy.compareAndSet(false, true)) {
            throw new IllegalStateException("worker pool is busy: " + call
                    + " was called from a task or by a second thread; one loop runs at a time");
        }
    }

    private void serve(int worker) {
        Round seen = null;
        int spins = 0;
        while (!closed) {
            Round current = round;
            if (current != null && current != seen) {
                current.work(worker);
                seen = current;
                spins = 0;
            } else if (spins < SPINS) {
                spins++;
                Thread.onSpinWait();
            } else {
                LockSupport.park(this);
            }
        }
    }

    /** One parallel loop. A worker that comes late finds no index left and touches nothing. */
    private static final class Round {
        private final Task task;
        private final int tasks;
        private final Thread caller;
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();
        private volatile @Nullable Throwable failure;

        Round(Task task, int tasks, Thread caller) {
            this.task = task;
            this.tasks = tasks;
            this.caller = caller;
        }

        void work(int worker) {
            // The first test keeps a late worker from counting the index up without end.
            while (next.get() < tasks) {
                int index = next.getAndIncrement();
                if (index >= tasks) {
                    return;
                }
                if (failure == null) {
                    try {
                        task.run(index, worker);
                    } catch (Throwable e) {
                        fail(e);
                    }
                }
                if (done.incrementAndGet() == tasks) {
                    LockSupport.unpark(caller);
                }
            }
        }

        void await() {
            int spins = 0;
            while (done.get() < tasks) {
                if (spins < SPINS) {
                    spins++;
                    Thread.onSpinWait();
                } else {
                    LockSupport.park(this);
                }
            }
        }

        void rethrow() {
            Throwable first = failure;
            if (first instanceof Error error) {
                throw error;
            }
            if (first instanceof RuntimeException exception) {
                throw exception;
            }
        }

        private synchronized void fail(Throwable e) {
            if (failure == null) {
                failure = e;
            } else if (failure != e) {
                failure.addSuppressed(e);
            }
        }
    }
}
