package io.sliminfer.cuda;

import io.sliminfer.backend.Fence;
import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.OpArguments;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.format.DType;
import io.sliminfer.prune.PruneShape;
import java.util.List;

/**
 * The operations of {@link CudaBackend}: arguments are checked, views and small values go to the device through pinned memory, and
 * kernels are enqueued on one stream. Nothing waits for the device. Engine thread only.
 */
final class CudaOps implements Ops {

    /** Most rows of gate and up that are multiplied together: products at full speed, memory bounded. */
    static final int GATED_ROWS = 2304;

    private final CudaContext context;
    private final CudaStream stream;
    private final DType compute;
    private final Kernels kernels;
    private final HeadKernelCache heads;
    private final Gemm gemm;
    private final KernelArguments arguments;
    private final Staging staging;
    private final ViewArena views;
    private final PackedKernels packed;
    private final UnpackedWeights unpacked;
    private final PackedProducts packedProducts;
    private final Scratch gateUp;
    private final Scratch partial;
    private final BlockScores scores;

    CudaOps(
            CudaContext context,
            CudaStream stream,
            DType compute,
            Kernels kernels,
            PackedKernels packed,
            HeadKernelCache heads,
            Gemm gemm) {
        this.context = context;
        this.stream = stream;
        this.compute = compute;
        this.kernels = kernels;
        this.heads = heads;
        this.gemm = gemm;
        this.arguments = kernels.library().arguments();
        this.staging = new Staging(context, stream);
        this.views = new ViewArena(context, stream, staging);
        this.packed = packed;
        Scratch room = new Scratch(context, stream, arguments, "unpacked weights of a layer");
        this.unpacked = new UnpackedWeights(room::reserve, () -> arguments.collecting() != null);
        this.packedProducts = new PackedProducts(stream, compute, packed, gemm, unpacked);
        this.gateUp = new Scratch(context, stream, arguments, "gate and up of the MLP");
        this.partial = new Scratch(context, stream, arguments, "partial sums of attention");
        this.scores = new BlockScores(context, stream, arguments);
    }

    ViewArena views() {
        return views;
    }

    /** Takes working memory for products of up to so many rows and inner columns, and for scoring and decode. */
    void reserve(WorkBytes bytes) {
        gateUp.reserve(bytes.gateUp());
        partial.reserve(bytes.partial());
        scores.reserve(bytes);
    }

    /** Whether there is any room for packed weights that are multiplied with many rows. */
    boolean hasRoomUnpacked() {
        return unpacked.capacity() > 0;
    }

    /** Takes room for packed weights that are multiplied with many rows. */
    void reserveUnpacked(long bytes) {
        unpacked.reserve(bytes);
    }

    @Override
    public void write(Tensor to, int[] values, int count) {
        OpArguments.write(to, DType.I32, 0, values.length, count);
        requireNotCollecting("write");
        staging.write(device(to).address(), values, 0, count);
    }

    @Override
    public void write(Tensor to, long row, float[] values, int count) {
        OpArguments.write(to, DType.F32, row, values.length, count);
        requireNotCollecting("write");
        staging.write(device(to).row(row), values, 0, count);
    }

    @Override
    public void embed(Tensor x, Tensor ids, Weight table) {
        OpArguments.embed(x, ids, table);
        CudaWeight w = weight(table);
        if (w.isPacked()) {
            packed.embed(stream, device(x), device(ids).address(), w.parts().get(0));
        } else {
            kernels.embed(stream, device(x), device(ids).address(), w.address());
        }
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Weight gain, float epsilon) {
        OpArguments.rmsNorm(out, x, gain);
        requireCompute("rmsNorm", "out", out);
        kernels.rmsNorm(stream, device(out), device(x), weight(gain).address(), epsilon);
    }

    @Override
    public void linear(Tensor out, Tensor in, Weight w) {
        OpArguments.linear("linear", out, in, w);
        requireCompute("linear", "in", in);
        product(device(out), device(in), weight(w), false);
    }

    @Override
    public void linearAdd(Tensor x, Tensor in, Weight w) {
        OpArguments.linear("linearAdd", x, in, w);
        requireCompute("linearAdd", "in", in);
        if (x.dtype() != DType.F32) {
            throw new IllegalArgumentException("linearAdd: x has dtype " + x.dtype() + ", needed is F32");
        }
        product(device(x), device(in), weight(w), true);
    }

    private void product(CudaTensor out, CudaTensor in, CudaWeight w, boolean add) {
        int rows = (int) in.rows();
        int n = (int) w.rows();
        int k = (int) w.columns();
        if (rows == 0) {
            return;
        }
        if (w.isPacked()) {
            if (!packedProducts.multiply(out, in, w, add) && w.bias() != 0) {
                kernels.addBias(stream, out, w.bias());
            }
            return;
        }
        if (rows <= Kernels.GEMV_ROWS) {
            kernels.gemv(stream, out, in, w, add);
            return;
        }
        if (!gemm.multiply(
                stream, out.address(), out.dtype(), n, in.address(), k, w.address(), k, compute, rows, n, k, add)) {
            // cuBLASLt has nothing for sizes that are not aligned; no published model has such.
            for (int from = 0; from < rows; from += Kernels.GEMV_ROWS) {
                int to = Math.min(rows, from + Kernels.GEMV_ROWS);
                kernels.gemv(stream, out.rows(from, to), in.rows(from, to), w, add);
            }
            return;
        }
        if (w.bias() != 0) {
            kernels.addBias(stream, out, w.bias());
        }
    }

    @Override
    public void gatedLinear(Tensor out, Tensor in, Weight gateUp) {
        OpArguments.gatedLinear(out, in, gateUp);
        requireCompute("gatedLinear", "in", in);
        requireCompute("gatedLinear", "out", out);
        CudaTensor to = device(out);
        CudaTensor from = device(in);
        CudaWeight w = weight(gateUp);
        int inner = (int) to.columns();
        if (to.rows() == 0 || (w.isPacked() && packedProducts.multiplyGated(to, from, w))) {
            return;
        }
        if (!w.isPacked() && to.rows() <= Kernels.GEMV_ROWS) {
            kernels.gatedGemv(stream, to, from, w);
            return;
        }
        int part = gatedRows((int) to.rows());
        long room = this.gateUp.reserve(2L * part * inner * compute.bytes());
        for (long row = 0; row < to.rows(); row += part) {
            long end = Math.min(to.rows(), row + part);
            CudaTensor both = new CudaTensor(room, compute, end - row, 2L * inner);
            product(both, from.rows(row, end), w, false);
            kernels.siluMultiply(stream, to.row(row), room, (int) (end - row), inner);
        }
    }

    /** Rows of a part where all are multiplied in parts of equal size: a short rest would run at a fraction of the speed. */
    static int gatedRows(int rows) {
        int parts = (rows + GATED_ROWS - 1) / GATED_ROWS;
        return (rows + parts - 1) / parts;
    }

    @Override
    public void ropeAndStore(Tensor q, KvView kv, Tensor qkv, HeadLayout layout, Tensor positions) {
        OpArguments.ropeAndStore(q, kv, qkv, layout, positions);
        requireCompute("ropeAndStore", "q", q);
        if (q.rows() == 0) {
            return;
        }
        heads.of(layout.headDim())
                .ropeStore(
                        stream,
                        device(q).address(),
                        pool("ropeAndStore", kv, layout),
                        device(qkv),
                        layout,
                        device(positions).address(),
                        views.upload(kv));
    }

    @Override
    public void attend(Tensor out, Tensor q, KvView kv, HeadLayout layout, float scale) {
        OpArguments.attend(out, q, kv, layout);
        requireCompute("attend", "q", q);
        requireCompute("attend", "out", out);
        if (q.rows() == 0) {
            return;
        }
        CudaKvPool pool = pool("attend", kv, layout);
        HeadKernels kernel = heads.of(layout.headDim());
        long view = views.upload(kv);
        long to = device(out).address();
        long from = device(q).address();
        List<KvView.Sequence> sequences = kv.sequences();
        int longest = 0;
        long total = 0;
        for (int i = 0; i < sequences.size(); i++) {
            KvView.Sequence sequence = sequences.get(i);
            if (sequence.queries() == 1) {
                longest = Math.max(longest, sequence.tokens());
                total += sequence.tokens();
            } else if (sequence.queries() > 1) {
                kernel.attendPrefill(stream, to, from, pool, view, i, sequence.queries(), scale, layout);
            }
        }
        if (longest > 0) {
            int splits =
                    HeadKernels.splits(longest, total, sequences.size(), layout.kvHeads(), context.multiprocessors());
            long room = partial.reserve(HeadKernels.partialBytes(sequences.size(), layout.heads(), layout.headDim()));
            kernel.attendDecode(stream, to, from, room, pool, view, sequences.size(), scale, layout, splits);
        }
    }

    @Override
    public void scoreBlocks(Tensor to, Tensor window, KvView kv, HeadLayout layout, float scale, PruneShape shape) {
        OpArguments.scoreBlocks(to, window, kv, layout, shape);
        requireCompute("scoreBlocks", "window", window);
        scores.run(
                heads.of(layout.headDim()),
                device(to).address(),
                device(window).address(),
                pool("scoreBlocks", kv, layout),
                views.upload(kv),
                layout,
                scale,
                shape);
    }

    @Override
    public void selectBlocks(Tensor kept, Tensor from, PruneShape shape) {
        OpArguments.selectBlocks(kept, from, shape);
        heads.any().selectBlocks(stream, device(kept).address(), device(from).address(), shape);
    }

    @Override
    public void keepRows(Tensor out, Tensor in, Tensor kept, PruneShape shape) {
        OpArguments.keepRows(out, in, kept, shape);
        heads.any().keepRows(stream, device(out), device(in), device(kept).address(), shape);
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        OpArguments.argmax(ids, logits);
        if (logits.rows() > 0) {
            heads.any().argmax(stream, device(ids).address(), device(logits));
        }
    }

    @Override
    public void copy(Tensor to, Tensor from) {
        OpArguments.copy(to, from);
        LaunchList list = arguments.collecting();
        Copy copy = new Copy(stream, device(to).address(), device(from).address(), from.bytes());
        if (list != null) {
            list.add(copy);
        } else {
            copy.enqueue();
        }
    }

    @Override
    public void await(Fence fence) {
        requireNotCollecting("await");
        if (fence instanceof CudaFence copies) {
            copies.holdUp(stream);
        } else {
            fence.join(); // not of this device's copies, so only the host can wait
        }
    }

    @Override
    public void read(Readback to, Tensor from) {
        CudaReadback landing = (CudaReadback) to;
        OpArguments.read(from, landing.capacity());
        landing.copy(stream, device(from), arguments.collecting());
    }

    /** A copy on the device. */
    private record Copy(CudaStream stream, long to, long from, long bytes) implements LaunchList.Call {
        @Override
        public void enqueue() {
            stream.copyOnDevice(to, from, bytes);
        }
    }

    private void requireNotCollecting(String op) {
        if (arguments.collecting() != null) {
            throw new IllegalStateException(op + ": values of the host cannot be part of a segment");
        }
    }

    private static CudaTensor device(Tensor tensor) {
        return (CudaTensor) tensor;
    }

    private static CudaWeight weight(Weight weight) {
        return (CudaWeight) weight;
    }

    private static CudaKvPool pool(String op, KvView kv, HeadLayout layout) {
        CudaKvPool pool = (CudaKvPool) kv.pool();
        if (pool.kvHeads() != layout.kvHeads() || pool.headDim() != layout.headDim()) {
            throw new IllegalArgumentException(op + ": the pool has " + pool.kvHeads() + " KV heads of "
                    + pool.headDim() + ", the layout " + layout.kvHeads() + " of " + layout.headDim());
        }
        return pool;
    }

    private void requireCompute(String op, String name, Tensor tensor) {
        if (tensor.dtype() != compute) {
            throw new IllegalArgumentException(
                    op + ": " + name + " has dtype " + tensor.dtype() + ", needed is " + compute);
        }
    }
}
