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
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
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

    /** Room for unpacked weights where no model was announced. */
    private static final long UNPACKED_BYTES_UNPLANNED = 64L << 20;

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
    private final PackedKernels packed;
    private final CudaWeights weights;

    private boolean closed;

    CudaBackend(BackendSettings settings) {
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
            packed = new PackedKernels(library, compute, context.sharedBytesPerBlockMax());
            weights = new CudaWeights(context, stream, compute, kernels, packed, new WeightForms(settings.weights()));
            ops = new CudaOps(context, stream, compute, kernels, packed, heads, gemm);
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
        return this.weights.bytes(weights)
                + (this.weights.formsOf(weights).isEmpty() ? 0 : WorkBytes.unpacked(size.model(), compute))
                + WorkBytes.of(size, compute).all()
                + Gemm.WORKSPACE_BYTES
                + SMALL_BYTES;
    }

    @Override
    public void prepare(WorkSize size, List<WeightSpec> weights) {
        ModelConfig model = size.model();
        HeadKernels.require(model.headDim());
        long start = System.nanoTime();
        library.prepare(
                HeadKernels.of(compute, model.headDim(), model.heads() / model.kvHeads(), context.capability()));
        heads.of(model.headDim());
        ops.reserve(WorkBytes.of(size, compute));
        List<PackedForm> forms = this.weights.formsOf(weights);
        if (!forms.isEmpty()) {
            packed.prepare(forms);
            ops.reserveUnpacked(WorkBytes.unpacked(model, compute));
        }
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
        CudaWeight weight = weights.load(spec);
        if (weight.isPacked() && !ops.hasRoomUnpacked()) {
            ops.reserveUnpacked(UNPACKED_BYTES_UNPLANNED);
        }
        return weight;
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
        weights.endLoading();
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
            weights.endLoading();
            segments.close();
            gemm.close();
            library.close();
            context.close();
        }
    }
}
