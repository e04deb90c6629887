package io.sliminfer.backend.cpu;

import io.sliminfer.backend.Copies;
import io.sliminfer.backend.Fence;
import io.sliminfer.backend.HostPool;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.TransferException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * Copies beside compute on the CPU: one thread for each direction. Operations run in the engine's thread, so what was enqueued
 * before a copy has ended when the copy begins.
 */
final class NativeCopies implements Copies, AutoCloseable {

    private final ExecutorService toHost = queue("slim-infer-to-host");
    private final ExecutorService toDevice = queue("slim-infer-to-device");
    private final List<NativeHostPool> pools = new ArrayList<>();

    private static ExecutorService queue(String name) {
        return Executors.newSingleThreadExecutor(task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
    }

    @Override
    public HostPool allocateHost(int slots, long slotBytes, @Nullable Path file) {
        NativeHostPool pool =
                file == null ? new NativeHostPool(slots, slotBytes) : new NativeHostPool(slots, slotBytes, file);
        pools.add(pool);
        return pool;
    }

    @Override
    public Fence toHost(KvPool pool, int[] slots, HostPool host, int[] hostSlots) {
        long[] from = device(pool, slots);
        long[] to = host(host, hostSlots, pool);
        return start(toHost, from, to, pool.slotBytes());
    }

    @Override
    public Fence toDevice(KvPool pool, int[] slots, HostPool host, int[] hostSlots) {
        long[] to = device(pool, slots);
        long[] from = host(host, hostSlots, pool);
        return start(toDevice, from, to, pool.slotBytes());
    }

    private static long[] device(KvPool pool, int[] slots) {
        OneDnnKvPool kv = (OneDnnKvPool) pool;
        long[] addresses = new long[slots.length];
        for (int i = 0; i < slots.length; i++) {
            if (slots[i] < 0 || slots[i] >= pool.slots()) {
                throw new IllegalArgumentException("device slot " + slots[i] + " of " + pool.slots());
            }
            addresses[i] = kv.keys(slots[i], 0);
        }
        return addresses;
    }

    private static long[] host(HostPool host, int[] slots, KvPool pool) {
        if (host.slotBytes() != pool.slotBytes()) {
            throw new IllegalArgumentException(
                    "host slots of " + host.slotBytes() + " bytes for device slots of " + pool.slotBytes());
        }
        long[] addresses = new long[slots.length];
        for (int i = 0; i < slots.length; i++) {
            addresses[i] = ((NativeHostPool) host).address(slots[i]);
        }
        return addresses;
    }

    private static Fence start(ExecutorService queue, long[] from, long[] to, long bytes) {
        if (from.length != to.length) {
            throw new IllegalArgumentException(from.length + " slots to copy, " + to.length + " to copy to");
        }
        Copy copy = new Copy(from, to, bytes);
        queue.execute(copy);
        return copy;
    }

    /** Waits for what is under way, then gives all host memory back. */
    @Override
    public void close() {
        for (ExecutorService queue : List.of(toHost, toDevice)) {
            queue.shutdown();
            boolean interrupted = false;
            while (!queue.isTerminated()) {
                try {
                    queue.awaitTermination(1, TimeUnit.MINUTES);
                } catch (InterruptedException e) {
                    interrupted = true; // memory under a copy must not go
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        pools.forEach(NativeHostPool::close);
        pools.clear();
    }

    private static final class Copy implements Runnable, Fence {
        private final long[] from;
        private final long[] to;
        private final long bytes;
        private final CountDownLatch done = new CountDownLatch(1);
        private volatile long nanos;
        private volatile @Nullable Throwable failure;

        Copy(long[] from, long[] to, long bytes) {
            this.from = from;
            this.to = to;
            this.bytes = bytes;
        }

        @Override
        public void run() {
            long start = System.nanoTime();
            try (NativeMemory.Address target = new NativeMemory.Address(0);
                    NativeMemory.Address source = new NativeMemory.Address(0)) {
                for (int i = 0; i < from.length; i++) {
                    Pointer.memcpy(target.at(to[i]), source.at(from[i]), bytes);
                }
            } catch (RuntimeException | Error e) {
                failure = e;
            } finally {
                nanos = System.nanoTime() - start;
                done.countDown();
            }
        }

        @Override
        public boolean isDone() {
            return done.getCount() == 0;
        }

        @Override
        public void join() {
            boolean interrupted = false;
            while (true) {
                try {
                    done.await();
                    break;
                } catch (InterruptedException e) {
                    interrupted = true; // the slots are in use until the copy has ended
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            Throwable cause = failure;
            if (cause != null) {
                throw new TransferException(
                        "a copy of " + from.length + " KV blocks between device and host failed: " + cause, cause);
            }
        }

        @Override
        public long nanos() {
            return nanos;
        }
    }
}
