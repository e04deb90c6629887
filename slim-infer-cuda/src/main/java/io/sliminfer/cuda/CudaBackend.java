package io.sliminfer.cuda;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendSettings;
import io.sliminfer.backend.Copies;
import io.sliminfer.backend.DeviceClock;
import io.sliminfer.backend.DeviceInfo;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvType;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.UserCache;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.format.RandomTensor;
import io.sliminfer.format.TensorSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One NVIDIA GPU: matrix products by cuBLASLt, all else by kernels of our own, everything enqueued on one stream, copies of KV slots
 * beside it (docs/cuda.md). The thread that opens it makes all calls.
 */
final class CudaBackend implements Backend {

    private static final Logger log = LoggerFactory.getLogger(CudaBackend.class);

    /**
     * Rows of a prefill tile for each multiprocessor. With blocks of 128 rows by 256 columns in products and of 128 rows by one head in
     * attention, 32 rows a multiprocessor make whole waves of blocks for hidden sizes and heads that are powers of two: 4,224 rows
     * on the 132 of an H100.
     */
    private static final int TILE_ROWS = 32;

    private static final int TILE_STEP = 128;

    /** Of the memory that is free at start, so much is left to the driver and other programs. */
    private static final double FREE_SHARE = 0.95;

    /** Small allocations that no table lists: views, staging, gains, logits. */
    private static final long SMALL_BYTES = 256L << 20;

    private final CudaContext context;
    private final DType compute;
    private final DeviceInfo info;
    private final CudaStream stream;
    private final KernelLibrary library;
    private final HeadKernelCache heads;
    private final Gemm gemm;
    private final CudaOps ops;
    private final Segments segments;
    private final CudaCopies copies;
    private final Kernels kernels;
    /** Open while weights are loaded; its buffers are free again for the KV cache, which comes after them. */
    private @Nullable WeightLoader loader;

    private boolean closed;

    CudaBackend(BackendSettings settings) {
        if (settings.weights() == WeightPrecision.INT8) {
            throw new IllegalArgumentException(
                    "slim-infer.weights=int8 is not available with slim-infer.backend=cuda: use auto or bf16");
        }
        context = CudaContext.open(settings.device());
        try {
            compute = settings.compute() == null ? DType.BF16 : settings.compute();
            if (compute == DType.I32) {
                throw new IllegalArgumentException(
                        "slim-infer.compute-type=i32 is not allowed: use auto, bf16, f16 or f32");
            }
            Path cache = settings.cacheDir() == null ? UserCache.folder() : settings.cacheDir();
            long free = (long) (context.freeBytes() * FREE_SHARE);
            if (settings.memoryBytes() > free) {
                throw new IllegalArgumentException(String.format(
                        Locale.ROOT,
                        "slim-infer.cuda.memory=%,d bytes are not free on %s: %,d of %,d are. Lower it, or free memory of the device",
                        settings.memoryBytes(),
                        context.name(),
                        free,
                        context.totalBytes()));
            }
            info = new DeviceInfo(
                    "cuda",
                    String.format(
                            Locale.ROOT,
                            "%s, compute capability %d.%d, %d GiB, %s",
                            context.name(),
                            context.capability() / 10,
                            context.capability() % 10,
                            context.totalBytes() >> 30,
                            compute.name().toLowerCase(Locale.ROOT)),
                    compute,
                    settings.memoryBytes() > 0 ? settings.memoryBytes() : free,
                    true,
                    Math.max(TILE_STEP, context.multiprocessors() * TILE_ROWS / TILE_STEP * TILE_STEP));
            stream = context.stream(0);
            library = new KernelLibrary(context, cache);
            library.prepare(Kernels.of(compute, library.gemvShape()));
            kernels = new Kernels(library, compute);
            heads = new HeadKernelCache(library, compute, context.capability());
            gemm = new Gemm(context, library.arguments(), cache, Gemm.Choice.MEASURED);
            ops = new CudaOps(context, stream, compute, kernels, heads, gemm);
            segments = new Segments(stream, library.arguments(), ops.views());
            copies = new CudaCopies(context, stream);
        } catch (RuntimeException | Error e) {
            context.close();
            throw e;
        }
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
    public DeviceClock clock() {
        return copies.clock();
    }

    @Override
    public long deviceBytesPeak() {
        return context.peakBytes();
    }

    @Override
    public long bytesBeside(WorkSize size, List<WeightSpec> weights) {
        ModelConfig model = size.model();
        long hidden = model.hidden();
        long layer = hidden * (model.queryColumns() + 2L * model.kvColumns())
                + hidden * model.queryColumns()
                + 3 * hidden * model.intermediate();
        long head =
                hidden * model.vocabulary(); // the embedding table of a model with a head of its own is in host memory
        return (model.layers() * layer + head) * compute.bytes()
                + WorkBytes.of(size, compute).all()
                + Gemm.WORKSPACE_BYTES
                + SMALL_BYTES;
    }

    @Override
    public void prepare(WorkSize size) {
        ModelConfig model = size.model();
        HeadKernels.require(model.headDim());
        long start = System.nanoTime();
        library.prepare(
                HeadKernels.of(compute, model.headDim(), model.heads() / model.kvHeads(), context.capability()));
        heads.of(model.headDim());
        ops.reserve(WorkBytes.of(size, compute));
        long compiled = System.nanoTime();
        gemm.tune(stream, shapes(size));
        log.debug(
                "{} kernels compiled in {} ms; products measured in {} ms",
                library.compiled(),
                (compiled - start) / 1_000_000,
                (System.nanoTime() - compiled) / 1_000_000);
    }

    /** Products of a full tile. */
    private List<Gemm.Shape> shapes(WorkSize size) {
        ModelConfig model = size.model();
        int rows = Math.min(size.tile(), size.tokens());
        int gated = CudaOps.gatedRows(rows);
        int qkv = model.queryColumns() + 2 * model.kvColumns();
        Set<Gemm.Shape> shapes = new LinkedHashSet<>();
        shapes.add(new Gemm.Shape(DType.F32, compute, rows, qkv, model.hidden(), false));
        shapes.add(new Gemm.Shape(DType.F32, compute, rows, model.hidden(), model.queryColumns(), true));
        shapes.add(new Gemm.Shape(compute, compute, gated, 2 * model.intermediate(), model.hidden(), false));
        shapes.add(new Gemm.Shape(DType.F32, compute, rows, model.hidden(), model.intermediate(), true));
        return new ArrayList<>(shapes);
    }

    @Override
    public Weight load(WeightSpec spec) {
        if (spec.use() == WeightSpec.Use.GAIN) {
            TensorSource source = spec.parts().get(0);
            long address = vector(spec.name(), List.of(source));
            return new CudaWeight(spec.name(), 1, source.columns(), source.columns() * 4, address, 0);
        }
        for (TensorSource part : spec.parts()) {
            if (part.columns() != spec.columns()) {
                throw new IllegalArgumentException(spec.name() + ": " + part.name() + " has " + part.columns()
                        + " columns, the parts before it " + spec.columns());
            }
        }
        long bytes = spec.rows() * spec.columns() * compute.bytes();
        long bias = spec.biases().isEmpty() ? 0 : vector(spec.name() + ".bias", spec.biases());
        // A table that only embeds is read one row a token: over the bus that is a hundredth of a prefill, and the
        // table is a
        // sixteenth of the weights of an 8B model.
        PinnedMemory host = spec.use() == WeightSpec.Use.LOOKUP ? context.pinned(spec.name(), bytes) : null;
        long address = host != null
                ? host.deviceAddress()
                : context.allocate(spec.name(), bytes).address();
        long row = 0;
        for (TensorSource part : spec.parts()) {
            long offset = row * spec.columns() * compute.bytes();
            if (host != null && part.dtype() == compute && !(part instanceof RandomTensor)) {
                loader().loadOnHost(part, host, offset);
            } else {
                loader().load(part, address + offset, compute);
            }
            row += part.rows();
        }
        return new CudaWeight(spec.name(), row, spec.columns(), bytes, address, bias);
    }

    private WeightLoader loader() {
        WeightLoader open = loader;
        if (open == null) {
            open = new WeightLoader(context, stream, kernels);
            loader = open;
        }
        return open;
    }

    private void closeLoader() {
        WeightLoader open = loader;
        if (open != null) {
            loader = null;
            open.close();
        }
    }

    /** Vectors one after the other as float32; returns their address. */
    private long vector(String name, List<TensorSource> parts) {
        long elements = parts.stream().mapToLong(TensorSource::columns).sum();
        long address = context.allocate(name, elements * 4).address();
        long at = address;
        for (TensorSource part : parts) {
            loader().load(part, at, DType.F32);
            at += part.columns() * 4;
        }
        return address;
    }

    @Override
    public Tensor allocate(String name, DType dtype, long rows, long columns) {
        long bytes = Math.max(1, rows * columns * dtype.bytes());
        DeviceMemory memory = context.allocate(name, bytes);
        stream.fill(memory.address(), 0, bytes);
        return new CudaTensor(memory.address(), dtype, rows, columns);
    }

    @Override
    public KvPool allocateKv(int slots, int block, int kvHeads, int headDim, KvType type) {
        if (type != KvType.of(compute)) {
            throw new IllegalArgumentException("slim-infer.kv-cache.type=" + type
                    + " does not work with slim-infer.backend=cuda and slim-infer.compute-type="
                    + compute.name().toLowerCase(Locale.ROOT) + ": use auto or " + KvType.of(compute));
        }
        closeLoader();
        long slotBytes = type.slotBytes(block, kvHeads, headDim);
        long bytes = slots * slotBytes;
        DeviceMemory memory = context.allocate("the KV cache", bytes);
        stream.fill(memory.address(), 0, bytes);
        int boxRows = heads.of(headDim).mapRows(block);
        TensorMap map = boxRows == 0
                ? null
                : TensorMap.of(
                        context,
                        compute,
                        memory.address(),
                        headDim,
                        2L * slots * kvHeads * block,
                        2L * headDim,
                        64,
                        boxRows);
        return new CudaKvPool(memory.address(), slots, block, kvHeads, headDim, type, slotBytes, map);
    }

    @Override
    public void segment(Object key, Runnable enqueue) {
        segments.run(key, enqueue);
    }

    @Override
    public Readback readback(int elements) {
        return new CudaReadback(context, elements);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            closeLoader();
            segments.close();
            gemm.close();
            library.close();
            context.close();
        }
    }
}
