package io.sliminfer.backend;

import io.sliminfer.format.DType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Another backend whose operations a test sees before they run, to count them, hold them up or let them fail. With a hook a segment is
 * enqueued operation by operation each time, because a backend that replays it would not call what the hook waits for.
 */
public final class HookedBackend implements Backend {

    /** Called on the thread that uses the backend. What it throws is thrown by the operation. */
    @FunctionalInterface
    public interface Hook {
        /**
         * @param op        name of the method of {@link Ops}
         * @param arguments its arguments
         */
        void before(String op, Object[] arguments);
    }

    private final Backend backend;
    private final @Nullable Ops ops;
    private final UnaryOperator<Copies> copies;

    public HookedBackend(Backend backend, Hook hook) {
        this(backend, hook, UnaryOperator.identity());
    }

    private HookedBackend(Backend backend, @Nullable Hook hook, UnaryOperator<Copies> copies) {
        this.backend = backend;
        this.copies = copies;
        this.ops = hook == null ? null : hooked(backend, hook);
    }

    private static Ops hooked(Backend backend, Hook hook) {
        return (Ops) Proxy.newProxyInstance(
                Ops.class.getClassLoader(), new Class<?>[] {Ops.class}, (proxy, method, arguments) -> {
                    hook.before(method.getName(), arguments);
                    try {
                        return method.invoke(backend.ops(), arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    /** A provider of the same kind of backend, hooked. */
    public static BackendProvider provider(BackendProvider provider, Hook hook) {
        return provider(provider, hook, UnaryOperator.identity());
    }

    /**
     * The same with copies put in between.
     *
     * @param hook null for none
     */
    public static BackendProvider provider(
            BackendProvider provider, @Nullable Hook hook, UnaryOperator<Copies> copies) {
        return new BackendProvider() {
            @Override
            public String name() {
                return "hooked-" + provider.name();
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
                return new HookedBackend(provider.open(settings), hook, copies);
            }
        };
    }

    @Override
    public DeviceInfo info() {
        return backend.info();
    }

    @Override
    public long bytesBeside(WorkSize size, List<WeightSpec> weights) {
        return backend.bytesBeside(size, weights);
    }

    @Override
    public void prepare(WorkSize size, List<WeightSpec> weights) {
        backend.prepare(size, weights);
    }

    @Override
    public Weight load(WeightSpec spec) {
        return backend.load(spec);
    }

    @Override
    public Tensor allocate(String name, DType dtype, long rows, long columns) {
        return backend.allocate(name, dtype, rows, columns);
    }

    @Override
    public KvPool allocateKv(int slots, int block, int kvHeads, int headDim, KvType type) {
        return backend.allocateKv(slots, block, kvHeads, headDim, type);
    }

    @Override
    public Readback readback(int elements) {
        return backend.readback(elements);
    }

    @Override
    public @Nullable Copies copies() {
        Copies of = backend.copies();
        return of == null ? null : copies.apply(of);
    }

    @Override
    public Ops ops() {
        return ops == null ? backend.ops() : ops;
    }

    @Override
    public void segment(Object key, Runnable enqueue) {
        if (ops == null) {
            backend.segment(key, enqueue);
        } else {
            enqueue.run();
        }
    }

    @Override
    public DeviceClock clock() {
        return backend.clock();
    }

    @Override
    public long deviceBytesPeak() {
        return backend.deviceBytesPeak();
    }

    @Override
    public void close() {
        backend.close();
    }
}
