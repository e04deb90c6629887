package io.sliminfer.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class WorkerPoolTests {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void runsEachTaskOnce(int threads) {
        try (WorkerPool pool = new WorkerPool(threads, "test")) {
            for (int tasks : new int[] {0, 1, 2, 5, 100}) {
                for (int round = 0; round < 50; round++) {
                    AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
                    pool.run(tasks, (index, worker) -> runs.incrementAndGet(index));
                    for (int i = 0; i < tasks; i++) {
                        assertThat(runs.get(i)).isOne();
                    }
                }
            }
        }
    }

    @Test
    void allThreadsTakePartAndEachHasItsOwnNumber() {
        try (WorkerPool pool = new WorkerPool(3, "test")) {
            Set<Integer> workers = ConcurrentHashMap.newKeySet();
            Set<Thread> threads = ConcurrentHashMap.newKeySet();
            CountDownLatch together = new CountDownLatch(3);
            pool.run(3, (index, worker) -> {
                workers.add(worker);
                threads.add(Thread.currentThread());
                together.countDown();
                await(together);
            });
            assertThat(workers).containsExactlyInAnyOrder(0, 1, 2);
            assertThat(threads).hasSize(3).contains(Thread.currentThread());
        }
    }

    @Test
    void exceptionOfATaskReachesTheCallerAndThePoolLives() {
        try (WorkerPool pool = new WorkerPool(2, "test")) {
            for (int failing : new int[] {0, 7, 19}) {
                assertThatThrownBy(() -> pool.run(20, (index, worker) -> {
                            if (index == failing) {
                                throw new IllegalArgumentException("task " + index);
                            }
                        }))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("task " + failing);
            }
            assertThatThrownBy(() -> pool.run(1, (index, worker) -> {
                        throw new AssertionError("error");
                    }))
                    .isInstanceOf(AssertionError.class);
            AtomicInteger runs = new AtomicInteger();
            pool.run(10, (index, worker) -> runs.incrementAndGet());
            assertThat(runs).hasValue(10);
        }
    }

    @Test
    void refusesALoopInsideALoop() {
        try (WorkerPool pool = new WorkerPool(2, "test")) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> pool.run(4, (index, worker) -> pool.run(2, (i, w) -> {})))
                    .withMessageContaining("run was called from a task or by a second thread");
            Runnable close = pool::close;
            assertThatIllegalStateException()
                    .isThrownBy(() -> pool.run(4, (index, worker) -> close.run()))
                    .withMessageContaining("close was called from a task");
        }
    }

    @Test
    void closeEndsTheThreadsAndMayBeRepeated() {
        WorkerPool pool = new WorkerPool(3, "closing-pool");
        assertThat(threadsNamed("closing-pool")).isEqualTo(2);
        pool.close();
        pool.close();
        assertThat(threadsNamed("closing-pool")).isZero();
        assertThatIllegalStateException()
                .isThrownBy(() -> pool.run(1, (index, worker) -> {}))
                .withMessageContaining("closed");
    }

    @Test
    void threadsAreDaemonsAndZeroMeansAllProcessors() {
        try (WorkerPool pool = new WorkerPool(0, "daemon-pool")) {
            assertThat(pool.threads()).isEqualTo(Runtime.getRuntime().availableProcessors());
            assertThat(Thread.getAllStackTraces().keySet())
                    .filteredOn(thread -> thread.getName().startsWith("daemon-pool"))
                    .allMatch(Thread::isDaemon);
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new WorkerPool(-1, "test"))
                .withMessageContaining("threads=-1");
    }

    private static long threadsNamed(String prefix) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith(prefix))
                .count();
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
