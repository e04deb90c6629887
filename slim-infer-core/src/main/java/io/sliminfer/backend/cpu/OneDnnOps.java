package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.OpArguments;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.cpu.DnnlKernels.After;
import io.sliminfer.backend.heap.HeapReadback;
import io.sliminfer.format.DType;
import io.sliminfer.format.HalfFloats;
import io.sliminfer.prune.PruneShape;
import java.nio.ByteBuffer;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/** The operations of {@link OneDnnBackend}; attention and scoring are in {@link OneDnnAttention}, RoPE in {@link RopeStore}. */
final class OneDnnOps implements Ops, AutoCloseable {

    /** Rows that one task of the worker pool takes: enough to make a task worth handing out. */
    private static final int ROWS_PER_TASK = 32;

    private final OneDnnBackend backend;
    private final DnnlKernels kernels;
    private final WorkerPool workers;
    private final Int8Linear int8;
    private final RopeStore rope;
    private final PrefillAttention prefillAttention;
    private final DecodeAttention decodeAttention;
    private final BlockScorer blockScorer;
    private @Nullable NativeMemory gated;
    private float[] logitsRow = {};
    private final int[] chosen = new int[1];

    OneDnnOps(OneDnnBackend backend, DnnlKernels kernels, WorkerPool workers, SingleThreads threads) {
        this.backend = backend;
        this.kernels = kernels;
        this.workers = workers;
        this.int8 = new Int8Linear(backend, threads);
        this.rope = new RopeStore(workers);
        this.prefillAttention = new PrefillAttention(backend, threads);
        this.decodeAttention = new DecodeAttention(backend, kernels, threads);
        this.blockScorer = new BlockScorer(backend, kernels, workers);
    }

    @Override
    public void write(Tensor to, int[] values, int count) {
        OpArguments.write(to, DType.I32, 0, values.length, count);
        NativeTensor tensor = require(to, DType.I32);
        tensor.memory().write(tensor.offset(), values, 0, count);
    }

    @Override
    public void write(Tensor to, long row, float[] values, int count) {
        OpArguments.write(to, DType.F32, row, values.length, count);
        NativeTensor tensor = require(to, DType.F32);
        tensor.memory().write(tensor.element(row), values, 0, count);
    }

    @Override
    public void embed(Tensor x, Tensor ids, Weight table) {
        OpArguments.embed(x, ids, table);
        NativeTensor out = require(x, DType.F32);
        NativeTensor in = require(ids, DType.I32);
        int rows = (int) out.rows();
        int columns = (int) out.columns();
        int[] id = new int[rows];
        in.memory().read(in.offset(), id, 0, rows);
        forRows(rows, (from, to) -> {
            float[] row = new float[columns];
            short[] half = new short[columns];
            for (int r = from; r < to; r++) {
                readRow(table, id[r], row, half);
                out.memory().write(out.element(r), row, 0, columns);
            }
        });
    }

    private static void readRow(Weight table, int index, float[] row, short[] half) {
        if (index < 0 || index >= table.rows()) {
            throw new IllegalArgumentException("row " + index + " of a table with " + table.rows() + " rows");
        }
        if (table instanceof OneDnnWeight weight) {
            readRow(weight, index, row, half);
            return;
        }
        MappedWeight mapped = table instanceof Int8Weight quantised ? quantised.lookups() : MappedWeight.of(table);
        if (mapped == null) {
            throw new IllegalArgumentException("a weight that was loaded for products is used as a table");
        }
        mapped.unpack(row, 0, index, 0, row.length, half);
    }

    private static void readRow(OneDnnWeight weight, int index, float[] row, short[] half) {
        for (OneDnnWeight.Part part : weight.parts()) {
            if (index < part.row() + part.rows()) {
                int local = (int) (index - part.row());
                int n = row.length;
                NativeMemory copy = part.copy();
                ByteBuffer view = part.view();
                if (part.dtype() == DType.F32) {
                    if (copy != null) {
                        copy.read((long) local * n, row, 0, n);
                    } else {
                        view.asFloatBuffer().get(local * n, row, 0, n);
                    }
                    return;
                }
                if (copy != null) {
                    copy.read((long) local * n, half, 0, n);
                } else {
                    view.asShortBuffer().get(local * n, half, 0, n);
                }
                if (part.dtype() == DType.BF16) {
                    HalfFloats.bf16ToFloat(row, 0, half, 0, n);
                } else {
                    HalfFloats.f16ToFloat(row, 0, half, 0, n);
                }
                return;
            }
        }
        throw new IllegalArgumentException("row " + index + " of a table with " + weight.rows() + " rows");
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Weight gain, float epsilon) {
        OpArguments.rmsNorm(out, x, gain);
        NativeTensor to = (NativeTensor) out;
        NativeTensor from = require(x, DType.F32);
        kernels.rmsNorm(layout(from), layout(to), epsilon)
                .execute(
                        from.address(),
                        to.address(),
                        ((OneDnnWeight) gain).parts().get(0).address());
    }

    @Override
    public void linear(Tensor out, Tensor in, Weight w) {
        OpArguments.linear("linear", out, in, w);
        if (w instanceof Int8Weight quantised) {
            int8.multiply((NativeTensor) out, (NativeTensor) in, quantised, Int8Linear.Store.SET);
        } else {
            product((NativeTensor) out, (NativeTensor) in, (OneDnnWeight) w, After.NOTHING);
        }
    }

    @Override
    public void linearAdd(Tensor x, Tensor in, Weight w) {
        OpArguments.linear("linearAdd", x, in, w);
        if (w instanceof Int8Weight quantised) {
            int8.multiply(require(x, DType.F32), (NativeTensor) in, quantised, Int8Linear.Store.ADD);
        } else {
            product(require(x, DType.F32), (NativeTensor) in, (OneDnnWeight) w, After.ADD_TO_DESTINATION);
        }
    }

    private void product(NativeTensor out, NativeTensor in, OneDnnWeight weight, After after) {
        for (OneDnnWeight.Part part : weight.parts()) {
            long to = out.address() + part.row() * out.dtype().bytes();
            part(in, part, weight.columns(), out.dtype(), out.columns(), to, after, 0);
        }
    }

    /** One part's product into columns that start at {@code to}. */
    private void part(
            NativeTensor in,
            OneDnnWeight.Part part,
            long columns,
            DType outType,
            long outStride,
            long to,
            After after,
            long extra) {
        DnnlPrimitive product = kernels.matmul(
                layout(in),
                Layout.transposed(part.dtype(), part.rows(), columns, columns),
                Layout.matrix(outType, in.rows(), part.rows(), outStride),
                part.bias() != 0,
                after);
        if (extra != 0) {
            if (part.bias() != 0) {
                product.execute(in.address(), part.address(), to, part.bias(), extra);
            } else {
                product.execute(in.address(), part.address(), to, extra);
            }
        } else if (part.bias() != 0) {
            product.execute(in.address(), part.address(), to, part.bias());
        } else {
            product.execute(in.address(), part.address(), to);
        }
    }

    @Override
    public void gatedLinear(Tensor out, Tensor in, Weight gateUp) {
        OpArguments.gatedLinear(out, in, gateUp);
        NativeTensor to = (NativeTensor) out;
        NativeTensor from = (NativeTensor) in;
        if (gateUp instanceof Int8Weight quantised) {
            int8.multiply(to, from, quantised, Int8Linear.Store.GATE);
            return;
        }
        OneDnnWeight weight = (OneDnnWeight) gateUp;
        int bytes = to.dtype().bytes();
        NativeMemory gate = gated = backend.grow(gated, "the MLP's gate", to.rows() * to.columns() * bytes);
        long half = weight.rows() / 2;
        // silu(gate) first, then the up projection multiplies by it as it is stored: no pass over memory of its own.
        for (OneDnnWeight.Part part : weight.parts()) {
            if (part.index() == 0) {
                long at = gate.address() + part.row() * bytes;
                part(from, part, weight.columns(), to.dtype(), to.columns(), at, After.SILU, 0);
            }
        }
        for (OneDnnWeight.Part part : weight.parts()) {
            if (part.index() == 1) {
                long shift = (part.row() - half) * bytes;
                part(
                        from,
                        part,
                        weight.columns(),
                        to.dtype(),
                        to.columns(),
                        to.address() + shift,
                        After.MULTIPLY,
                        gate.address() + shift);
            }
        }
    }

    @Override
    public void ropeAndStore(Tensor q, KvView kv, Tensor qkv, HeadLayout heads, Tensor positions) {
        OpArguments.ropeAndStore(q, kv, qkv, heads, positions);
        rope.run((NativeTensor) q, kv, require(qkv, DType.F32), heads, require(positions, DType.I32));
    }

    @Override
    public void attend(Tensor out, Tensor q, KvView kv, HeadLayout heads, float scale) {
        OpArguments.attend(out, q, kv, heads);
        OneDnnKvPool pool = (OneDnnKvPool) kv.pool();
        List<KvView.Sequence> sequences = kv.sequences();
        for (int i = 0, row = 0; i < sequences.size(); ) {
            int end = i;
            while (end < sequences.size() && sequences.get(end).queries() == 1) {
                end++;
            }
            boolean decodes = end > i;
            int next = row + (decodes ? end - i : sequences.get(i).queries());
            NativeTensor to = ((NativeTensor) out).rows(row, next);
            NativeTensor from = ((NativeTensor) q).rows(row, next);
            if (decodes) {
                decodeAttention.attend(to, from, pool, sequences.subList(i, end), heads, scale);
            } else if (next > row) {
                prefillAttention.attend(to, from, pool, sequences.get(i), heads, scale);
            }
            i = decodes ? end : i + 1;
            row = next;
        }
    }

    @Override
    public void scoreBlocks(Tensor scores, Tensor window, KvView kv, HeadLayout heads, float scale, PruneShape shape) {
        OpArguments.scoreBlocks(scores, window, kv, heads, shape);
        blockScorer.score(require(scores, DType.F32), (NativeTensor) window, kv, heads, scale, shape);
    }

    @Override
    public void selectBlocks(Tensor kept, Tensor scores, PruneShape shape) {
        OpArguments.selectBlocks(kept, scores, shape);
        NativeTensor from = require(scores, DType.F32);
        NativeTensor to = require(kept, DType.I32);
        float[] values = new float[shape.liveBlocks()];
        int[] ranks = new int[shape.keptBlocks()];
        from.memory().read(from.offset(), values, 0, values.length);
        BlockKernels.select(ranks, values, shape);
        to.memory().write(to.offset(), ranks, 0, ranks.length);
    }

    @Override
    public void keepRows(Tensor out, Tensor in, Tensor kept, PruneShape shape) {
        OpArguments.keepRows(out, in, kept, shape);
        NativeTensor to = (NativeTensor) out;
        NativeTensor from = (NativeTensor) in;
        NativeTensor list = require(kept, DType.I32);
        int[] ranks = new int[shape.keptBlocks()];
        list.memory().read(list.offset(), ranks, 0, ranks.length);
        long rowBytes = from.columns() * from.dtype().bytes();
        long row = 0;
        for (int rank : ranks) {
            int rows = shape.tokensOf(rank);
            move(
                    to.address() + row * rowBytes,
                    from.address() + (long) rank * shape.block() * rowBytes,
                    rows * rowBytes);
            row += rows;
        }
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        OpArguments.argmax(ids, logits);
        NativeTensor from = require(logits, DType.F32);
        NativeTensor to = require(ids, DType.I32);
        int columns = Math.toIntExact(logits.columns());
        if (logitsRow.length != columns) {
            logitsRow = new float[columns];
        }
        for (int r = 0; r < logits.rows(); r++) {
            from.memory().read(from.element(r), logitsRow, 0, columns);
            chosen[0] = RowKernels.argmax(logitsRow, 0, columns);
            to.memory().write(to.offset() + r, chosen, 0, 1);
        }
    }

    @Override
    public void copy(Tensor to, Tensor from) {
        OpArguments.copy(to, from);
        move(((NativeTensor) to).address(), ((NativeTensor) from).address(), from.bytes());
    }

    private static void move(long to, long from, long bytes) {
        if (to != from) {
            Pointer.memmove(new NativeMemory.Address(to), new NativeMemory.Address(from), bytes);
        }
    }

    @Override
    public void read(Readback to, Tensor from) {
        HeapReadback readback = (HeapReadback) to;
        OpArguments.read(from, readback.capacity());
        NativeTensor tensor = (NativeTensor) from;
        int count = Math.toIntExact(tensor.rows() * tensor.columns());
        if (tensor.dtype() == DType.I32) {
            tensor.memory().read(tensor.offset(), readback.expectInts(count), 0, count);
        } else {
            tensor.memory().read(tensor.offset(), readback.expectFloats(count), 0, count);
        }
    }

    @Override
    public void close() {
        prefillAttention.close();
        decodeAttention.close();
        int8.close();
    }

    private interface RowRange {
        void run(int from, int to);
    }

    private void forRows(int rows, RowRange task) {
        if (rows <= ROWS_PER_TASK) {
            task.run(0, rows);
        } else {
            int tasks = (rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
            workers.run(
                    tasks,
                    (index, worker) -> task.run(index * ROWS_PER_TASK, Math.min(rows, (index + 1) * ROWS_PER_TASK)));
        }
    }

    private static Layout layout(NativeTensor tensor) {
        return Layout.matrix(tensor.dtype(), tensor.rows(), tensor.columns(), tensor.columns());
    }

    private static NativeTensor require(Tensor tensor, DType dtype) {
        if (tensor.dtype() != dtype) {
            throw new IllegalArgumentException("a tensor of " + tensor.dtype() + " where " + dtype + " is needed");
        }
        return (NativeTensor) tensor;
    }
}
