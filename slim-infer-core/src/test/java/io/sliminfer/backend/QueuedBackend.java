package io.sliminfer.backend;

import io.sliminfer.format.DType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Another backend behind a queue of its own, as a device has one: operations return at once and run in order on another thread. Its clock
 * shows what they would take on a device of a given speed, whatever they take here. It cannot move KV blocks.
 */
public final class QueuedBackend implements Backend {

    /** What a test sees and holds up. */
    public static final class Queue {
        private final HookedBackend.Hook running;
        private final double flopsPerMicro;
        private volatile double enqueued;
        private volatile double executed;
        private volatile int waits;

        /**
         * @param running       called on the queue's thread before an operation runs
         * @param flopsPerMicro speed of the device
         */
        public Queue(HookedBackend.Hook running, double flopsPerMicro) {
            this.running = running;
            this.flopsPerMicro = flopsPerMicro;
        }

        /** FLOPs of all operations so far, run or not. */
        public double enqueued() {
            return enqueued;
        }

        /** FLOPs that wait in the queue. */
        public double ahead() {
            return enqueued - executed;
        }

        /** Whether the host waits for a mark. */
        public boolean hostWaits() {
            return waits > 0;
        }
    }

    private final Queue queue;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(task -> {
        Thread made = new Thread(task, "queued-backend");
        made.setDaemon(true);
        return made;
    });
    private final Backend backend;
    private final Ops ops;
    private double micros;
    private boolean closed;

    private QueuedBackend(BackendProvider provider, BackendSettings settings, Queue queue) {
        this.queue = queue;
        this.backend = run(() -> provider.open(settings));
        Ops inner = backend.ops();
        this.ops = (Ops) Proxy.newProxyInstance(
                Ops.class.getClassLoader(), new Class<?>[] {Ops.class}, (proxy, method, arguments) -> {
                    String op = method.getName();
                    double flops = OpFlops.of(op, arguments);
                    queue.enqueued += flops;
                    Object[] kept = new Object[arguments.length];
                    for (int i = 0; i < kept.length; i++) {
                        kept[i] = kept(arguments[i]);
                    }
                    Future<?> done = thread.submit(() -> {
                        queue.running.before(op, kept);
                        if (kept[0] instanceof QueuedReadback readback) {
                            inner.read(readback.inner, (Tensor) kept[1]);
                            readback.inner.join();
                        } else {
                            invoke(() -> method.invoke(inner, kept));
                        }
                        micros += flops / queue.flopsPerMicro;
                        queue.executed += flops;
                        return null;
                    });
                    if (arguments[0] instanceof QueuedReadback readback) {
                        readback.last = done;
                    }
                    return null;
                });
    }

    private static void invoke(Callable<?> call) throws Exception {
        try {
            call.call();
        } catch (InvocationTargetException e) {
            throw (Exception) e.getCause();
        }
    }

    /** Arguments as they are now: the caller may change arrays once the call has returned. */
    private static Object kept(Object argument) {
        if (argument instanceof int[] ints) {
            return ints.clone();
        }
        if (argument instanceof float[] floats) {
            return floats.clone();
        }
        if (argument instanceof KvView view) {
            List<KvView.Sequence> sequences = new ArrayList<>();
            for (KvView.Sequence sequence : view.sequences()) {
                sequences.add(new KvView.Sequence(sequence.slots().clone(), sequence.tokens(), sequence.queries()));
            }
            return new KvView(view.pool(), sequences);
        }
        return argument;
    }

    private <T> T run(Callable<T> call) {
        return join(thread.submit(call));
    }

    private static <T> T join(Future<T> future) {
        try {
            return future.get();
        } catch (Exception e) {
            throw new IllegalStateException("an operation failed on the queue", e);
        }
    }

    /** A provider of the same kind of backend behind a queue. */
    public static BackendProvider provider(BackendProvider provider, Queue queue) {
        return new BackendProvider() {
            @Override
            public String name() {
                return "queued-" + provider.name();
            }

            @Override
            public int priority() {
                return provider.priority();
            }

            @Override
            public Availability availability() {
                return provider.availability();
            }

            @Override
            public Backend open(BackendSettings settings) {
                return new QueuedBackend(provider, settings, queue);
            }
        };
    }

    /** The host's memory as if it were the device's own. */
    @Override
    public DeviceInfo info() {
        DeviceInfo info = backend.info();
        return new DeviceInfo(
                info.backend(), info.description(), info.compute(), info.memoryBytes(), true, info.tile());
    }

    @Override
    public Weight load(WeightSpec spec) {
        return run(() -> backend.load(spec));
    }

    @Override
    public Tensor allocate(String name, DType dtype, long rows, long columns) {
        return run(() -> backend.allocate(name, dtype, rows, columns));
    }

    @Override
    public KvPool allocateKv(int slots, int block, int kvHeads, int headDim, KvType type) {
        return run(() -> backend.allocateKv(slots, block, kvHeads, headDim, type));
    }

    private static final class QueuedReadback implements Readback {
        private final Readback inner;
        private volatile Future<?> last = CompletableFuture.completedFuture(null);

        QueuedReadback(Readback inner) {
            this.inner = inner;
        }

        @Override
        public void join() {
            QueuedBackend.join(last);
        }

        @Override
        public float getFloat(int index) {
            return inner.getFloat(index);
        }

        @Override
        public int getInt(int index) {
            return inner.getInt(index);
        }

        @Override
        public void get(int index, float[] to, int count) {
            inner.get(index, to, count);
        }
    }

    @Override
    public Readback readback(int elements) {
        return new QueuedReadback(run(() -> backend.readback(elements)));
    }

    @Override
    public Ops ops() {
        return ops;
    }

    @Override
    public DeviceClock clock() {
        return new DeviceClock() {
            @Override
            public boolean times(DeviceClock.Queue of) {
                return of == DeviceClock.Queue.COMPUTE;
            }

            @Override
            public Mark mark(DeviceClock.Queue of) {
                return new QueueMark(thread.submit(() -> micros));
            }
        };
    }

    private final class QueueMark implements DeviceClock.Mark {
        private final Future<Double> micros;

        QueueMark(Future<Double> micros) {
            this.micros = micros;
        }

        @Override
        public boolean isPassed() {
            return micros.isDone();
        }

        @Override
        public void join() {
            queue.waits++;
            QueuedBackend.join(micros);
            queue.waits--;
        }

        @Override
        public double microsSince(DeviceClock.Mark earlier) {
            return QueuedBackend.join(micros) - QueuedBackend.join(((QueueMark) earlier).micros);
        }

        @Override
        public void release() {}
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            run(() -> {
                backend.close();
                return null;
            });
            thread.shutdown();
        }
    }
}
