package io.sliminfer.backend.cpu;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.Copies;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightForm.Cache;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.backend.heap.HeapReadback;
import io.sliminfer.format.DType;
import io.sliminfer.format.DecodedTensor;
import io.sliminfer.format.HalfFloats;
import io.sliminfer.format.QuantisedTensor;
import io.sliminfer.format.TensorSource;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.javacpp.BytePointer;
import org.jspecify.annotations.Nullable;

/**
 * The CPU through oneDNN: matrix products, softmax and norms by the library on all cores, the rest in Java on a worker pool.
 * Weights stay where the file's mapping has them; activations are float32 or bf16, the KV cache has any type. Calls run in the caller, which
 * must be the thread that opened the backend: OpenMP's number of threads is a setting of that thread.
 */
final class OneDnnBackend implements Backend {

    /** Elements that a worker decodes at a time. */
    private static final long DECODED_ELEMENTS = 1 << 18;

    /** Mapped weights are read through buffers of at most this size; Java's end at 2 GiB. */
    private static final long PART_BYTES_MAX = 1L << 30;

    /** Rows that are converted in two steps at a time: what a cache holds. */
    private static final long DETOUR_BYTES = 1L << 20;

    private final DType compute;
    private final WorkerPool workers;
    private final DnnlKernels kernels = new DnnlKernels();
    /** Workers add to it too. */
    private final Set<NativeMemory> memories = ConcurrentHashMap.newKeySet();

    private final NativeCopies copies = new NativeCopies();
    private final DeviceInfo info;
    private final OneDnnOps ops;
    private final SingleThreads threads;
    private final WeightPrecision weights;
    /** While weights are loaded. */
    private @Nullable Int8Packer packer;

    /** Of packed weights, or null. */
    private final @Nullable Int8Cache cache;

    private boolean closed;

    OneDnnBackend(BackendSettings settings) {
        if (OneDnn.UNUSABLE != null) {
            throw new IllegalStateException(OneDnn.UNUSABLE);
        }
        workers = new WorkerPool(settings.threads(), "slim-infer-cpu");
        OneDnn.useThreads(workers.threads());
        compute = ComputeType.choose(settings.compute(), kernels);
        info = new DeviceInfo(
                "cpu",
                "oneDNN " + OneDnn.version() + ", " + OneDnn.instructionSet() + ", " + workers.threads() + " threads, "
                        + compute,
                compute,
                physicalMemory());
        threads = new SingleThreads(workers);
        ops = new OneDnnOps(this, kernels, workers, threads);
        weights = settings.weights();
        cache = settings.weightCache() == null ? null : new Int8Cache(settings.weightCache());
        if (weights == WeightPrecision.INT8 && Int8Support.find() == Int8Support.NONE) {
            close();
            throw new IllegalArgumentException(
                    "slim-infer.weights=int8 is not available on this CPU (" + OneDnn.instructionSet()
                            + "): oneDNN has no fast product of 8-bit integers for it. Use auto or bf16");
        }
    }

    private static long physicalMemory() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : Runtime.getRuntime().maxMemory();
    }

    @Override
    public DeviceInfo info() {
        return info;
    }

    @Override
    public Ops ops() {
        return ops;
    }

    @Override
    public Copies copies() {
        return copies;
    }

    @Override
    public Weight load(WeightSpec spec) {
        if (spec.use() == WeightSpec.Use.GAIN) {
            return loadGain(spec);
        }
        if (!isQuantised(spec)) {
            return loadWhole(spec, null);
        }
        if (spec.kept() != null) {
            return loadWhole(spec, spec.kept());
        }
        if (spec.use() == WeightSpec.Use.LOOKUP) {
            return spec.parts().get(0) instanceof DecodedTensor ? new MappedWeight(spec) : loadWhole(spec, null);
        }
        if (!packer().isFast(spec)) {
            return loadWhole(spec, "oneDNN has no fast 8-bit product of this shape here");
        }
        return loadPacked(packer().plan(spec));
    }

    private Weight loadPacked(Int8Plan plan) {
        List<NativeMemory> taken = new ArrayList<>();
        Int8Packer.Memory memory = (name, bytes) -> {
            NativeMemory part = memory(name, bytes);
            taken.add(part);
            return part;
        };
        Int8Panels panels = cache == null ? null : cache.find(plan, memory);
        Cache state = cache == null ? Cache.UNUSED : panels == null ? Cache.MISSED : Cache.FOUND;
        if (panels == null) {
            panels = packer().pack(plan, memory);
            if (cache != null) {
                cache.store(plan, panels);
            }
        }
        if (!panels.losesTooMuch()) {
            return plan.weight(panels, state);
        }
        taken.forEach(this::free);
        return loadWhole(
                plan.spec(),
                String.format(
                        Locale.ROOT,
                        "8 bits would lose %.1f %% of it",
                        100 * panels.loss().relative()));
    }

    /** Whether a weight is kept in 8 bits: all where that is asked for, by default those that the file has quantised. */
    private boolean isQuantised(WeightSpec spec) {
        return switch (weights) {
            case INT8 -> true;
            case BF16 -> false;
            case AUTO ->
                spec.parts().stream()
                                .anyMatch(part -> part instanceof QuantisedTensor quantised
                                        && quantised.type().isQuantised())
                        && Int8Support.find() != Int8Support.NONE;
        };
    }

    private Int8Packer packer() {
        Int8Packer open = packer;
        if (open == null) {
            open = new Int8Packer(threads, Int8Support.find());
            packer = open;
        }
        return open;
    }

    private Weight loadWhole(WeightSpec spec, @Nullable String kept) {
        List<OneDnnWeight.Part> parts = new ArrayList<>();
        long row = 0;
        long bytes = 0;
        for (int i = 0; i < spec.parts().size(); i++) {
            TensorSource source = spec.parts().get(i);
            if (source.columns() != spec.columns()) {
                throw new IllegalArgumentException(spec.name() + ": " + source.name() + " has " + source.columns()
                        + " columns, the parts before it " + spec.columns());
            }
            NativeMemory bias =
                    spec.biases().isEmpty() ? null : loadVector(spec.biases().get(i), source.rows());
            long step = Math.max(
                    1, PART_BYTES_MAX / (source.columns() * source.dtype().bytes()));
            for (long from = 0; from < source.rows(); from += step) {
                long to = Math.min(source.rows(), from + step);
                parts.add(
                        loadPart(spec, i, source, row + from, from, to, bias == null ? 0 : bias.address() + from * 4));
            }
            row += source.rows();
        }
        for (OneDnnWeight.Part part : parts) {
            bytes += part.rows() * spec.columns() * part.dtype().bytes();
        }
        return new OneDnnWeight(spec.name(), row, spec.columns(), bytes, List.copyOf(parts), null, kept);
    }

    private OneDnnWeight.Part loadPart(
            WeightSpec spec, int index, TensorSource source, long row, long from, long to, long bias) {
        DType dtype = ComputeType.weight(compute, source.dtype(), kernels);
        if (source instanceof DecodedTensor decoded) {
            NativeMemory copy = memory(spec.name(), (to - from) * source.columns() * dtype.bytes());
            decode(decoded, from, to, dtype, copy);
            return new OneDnnWeight.Part(index, row, to - from, dtype, copy.address(), null, copy, bias);
        }
        ByteBuffer view = source.rows(from, to);
        long address = address(view);
        if (dtype == source.dtype()) {
            return new OneDnnWeight.Part(index, row, to - from, dtype, address, view, null, bias);
        }
        NativeMemory copy = memory(spec.name(), (to - from) * source.columns() * dtype.bytes());
        convert(source.dtype(), address, dtype, copy.address(), to - from, source.columns());
        return new OneDnnWeight.Part(index, row, to - from, dtype, copy.address(), null, copy, bias);
    }

    /** Rows are decoded on all workers, each into its place. */
    private void decode(DecodedTensor source, long from, long to, DType dtype, NativeMemory out) {
        int columns = (int) source.columns();
        int step = (int) Math.max(1, DECODED_ELEMENTS / columns);
        int tasks = (int) ((to - from + step - 1) / step);
        workers.run(tasks, (index, worker) -> {
            float[] row = new float[columns];
            short[] half = new short[dtype == DType.F32 ? 0 : columns];
            long first = from + (long) index * step;
            for (long i = first; i < Math.min(to, first + step); i++) {
                source.read(i, 0, columns, row, 0);
                long element = (i - from) * columns;
                switch (dtype) {
                    case F32 -> out.write(element, row, 0, columns);
                    case F16 -> {
                        HalfFloats.floatToF16(half, 0, row, 0, columns);
                        out.write(element, half, 0, columns);
                    }
                    case BF16 -> {
                        HalfFloats.floatToBf16(half, 0, row, 0, columns);
                        out.write(element, half, 0, columns);
                    }
                    case I32 -> throw new IllegalStateException("weights are no integers");
                }
            }
        });
    }

    private void convert(DType from, long in, DType to, long out, long rows, long columns) {
        if (from != DType.F16 || to != DType.BF16) {
            copy(from, in, to, out, rows, columns);
            return;
        }
        // The library converts one into the other on some CPUs only. A float16 is exact in float32.
        long step = Math.min(rows, Math.max(1, DETOUR_BYTES / (4 * columns)));
        try (NativeMemory floats = new NativeMemory("float32 rows of a weight", step * columns * 4)) {
            for (long row = 0; row < rows; row += step) {
                long count = Math.min(step, rows - row);
                copy(DType.F16, in + row * columns * 2, DType.F32, floats.address(), count, columns);
                copy(DType.F32, floats.address(), DType.BF16, out + row * columns * 2, count, columns);
            }
        }
    }

    private void copy(DType from, long in, DType to, long out, long rows, long columns) {
        kernels.reorder(Layout.matrix(from, rows, columns, columns), Layout.matrix(to, rows, columns, columns))
                .execute(in, out);
    }

    private Weight loadGain(WeightSpec spec) {
        TensorSource source = spec.parts().get(0);
        NativeMemory memory = loadVector(source, source.columns());
        float[] gain = new float[(int) source.columns()];
        memory.read(0, gain, 0, gain.length);
        OneDnnWeight.Part part = new OneDnnWeight.Part(0, 0, 1, DType.F32, memory.address(), null, memory, 0);
        return new OneDnnWeight(spec.name(), 1, source.columns(), memory.bytes(), List.of(part), gain, null);
    }

    /** A small vector as float32. */
    private NativeMemory loadVector(TensorSource source, long elements) {
        NativeMemory memory = memory(source.name(), elements * 4);
        ByteBuffer view = source.rows(0, 1);
        copy(source.dtype(), address(view), DType.F32, memory.address(), 1, elements);
        return memory;
    }

    private static long address(ByteBuffer view) {
        return new BytePointer(view).address();
    }

    @Override
    public NativeTensor allocate(String name, DType dtype, long rows, long columns) {
        return new NativeTensor(memory(name, rows * columns * dtype.bytes()), 0, dtype, rows, columns);
    }

    @Override
    public KvPool allocateKv(int slots, int block, int kvHeads, int headDim, KvType type) {
        long bytes = slots * type.slotBytes(block, kvHeads, headDim);
        return new OneDnnKvPool(memory("the KV cache", bytes), slots, block, kvHeads, headDim, type);
    }

    @Override
    public Readback readback(int elements) {
        return new HeapReadback(elements);
    }

    /** Memory that lives until {@link #free} or {@link #close}. */
    NativeMemory memory(String name, long bytes) {
        NativeMemory memory = new NativeMemory(name, bytes);
        memories.add(memory);
        return memory;
    }

    /** Working memory that an operation keeps for itself: the old one if it is large enough, else a new one. */
    NativeMemory grow(@Nullable NativeMemory old, String name, long bytes) {
        if (old != null && old.bytes() >= bytes) {
            return old;
        }
        if (old != null) {
            free(old);
        }
        return memory(name, bytes);
    }

    void free(NativeMemory... given) {
        for (NativeMemory memory : given) {
            memories.remove(memory);
            memory.close();
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            copies.close();
            ops.close();
            if (packer != null) {
                packer.close();
            }
            workers.close();
            kernels.close();
            memories.forEach(NativeMemory::close);
            memories.clear();
        }
    }
}
