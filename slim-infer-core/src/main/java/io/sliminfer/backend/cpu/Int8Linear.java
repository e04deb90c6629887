package io.sliminfer.backend.cpu;

import io.sliminfer.format.DType;
import io.sliminfer.format.HalfFloats;
import io.sliminfer.format.Int8Kernels;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Linear layers with weights in 8 bits. Each row of inputs is quantised when it comes, symmetric with a scale of its own, and moved up by
 * 128 to be unsigned: {@code q = rint(x * (1 / scale)) + 128}, {@code scale = max|x| / 127}. A task multiplies up to {@value #ROWS} rows by a
 * panel of outputs on one thread, and scales, activates and stores what comes out while it is in the core's cache. Sums are exact, so
 * a row's result does not depend on the rows beside it, nor on the number of threads.
 */
final class Int8Linear implements AutoCloseable {

    /** What becomes of the product. */
    enum Store {
        /** {@code out = product}. */
        SET,
        /** {@code out += product}. */
        ADD,
        /** {@code out = silu(first half) * second half}. */
        GATE
    }

    private static final int ROWS = 128;

    /** Numbers of rows are rounded up to a multiple above this, so that few shapes are compiled. */
    private static final int ROWS_STEP = 16;

    /** Rows of a task that quantises. */
    private static final int QUANTISED_ROWS = 16;

    private final OneDnnBackend backend;
    private final SingleThreads workers;
    private final List<Bench> benches = new ArrayList<>();
    private @Nullable NativeMemory inputs;
    private float[] scales = {};

    /** What a worker works with. */
    private static final class Bench {
        private final Int8Products products = Int8Support.products();
        private final Exponential exponential = new Exponential();
        private @Nullable NativeMemory out;
        private float[] row = {};
        private float[] values = {};
        private float[] scratch = {};
        private byte[] bytes = {};
        private short[] halves = {};

        void reserve(int columns) {
            if (row.length < columns) {
                row = new float[columns];
                values = new float[columns];
                scratch = new float[columns];
                bytes = new byte[columns];
                halves = new short[columns];
            }
        }
    }

    Int8Linear(OneDnnBackend backend, SingleThreads workers) {
        this.backend = backend;
        this.workers = workers;
        for (int i = 0; i < workers.threads(); i++) {
            benches.add(new Bench());
        }
    }

    /**
     * @param out {@code [rows, w.rows()]}, half as many columns for {@link Store#GATE}
     * @param in  {@code [rows, w.columns()]}
     */
    void multiply(NativeTensor out, NativeTensor in, Int8Weight w, Store store) {
        int rows = Math.toIntExact(in.rows());
        long room = (rows + ROWS_STEP) * (long) w.padded();
        NativeMemory quantised = inputs = backend.grow(inputs, "inputs in 8 bits", room);
        if (scales.length < rows) {
            scales = new float[rows];
        }
        int columns = (int) w.columns();
        run((rows + QUANTISED_ROWS - 1) / QUANTISED_ROWS, (index, worker) -> {
            Bench bench = benches.get(worker);
            bench.reserve(columns);
            int to = Math.min(rows, (index + 1) * QUANTISED_ROWS);
            for (int r = index * QUANTISED_ROWS; r < to; r++) {
                readRow(in, r, 0, columns, bench);
                scales[r] = quantise(bench, columns);
                quantised.write((long) r * w.padded(), bench.bytes, 0, columns);
            }
        });
        int blocks = (rows + ROWS - 1) / ROWS;
        // Tasks that share a panel follow each other: its weights come from memory once.
        run(w.panels().size() * blocks, (index, worker) -> {
            Int8Weight.Panel panel = w.panels().get(index / blocks);
            int from = index % blocks * ROWS;
            int count = Math.min(ROWS, rows - from);
            NativeMemory product = product(panel, quantised, from, count, w.padded(), benches.get(worker));
            for (int r = 0; r < count; r++) {
                store(out, from + r, w, panel, product, (long) r * panel.outputs(), store, benches.get(worker));
            }
        });
    }

    /** One task is not worth a loop: a decoded token has a single row to quantise. */
    private void run(int tasks, WorkerPool.Task task) {
        if (tasks == 1) {
            task.run(0, 0);
        } else {
            workers.run(tasks, task);
        }
    }

    private NativeMemory product(
            Int8Weight.Panel panel, NativeMemory quantised, int from, int count, int padded, Bench bench) {
        int rounded = count <= ROWS_STEP ? count : (count + ROWS_STEP - 1) / ROWS_STEP * ROWS_STEP;
        NativeMemory out = bench.out;
        long bytes = (long) rounded * panel.outputs() * 4;
        if (out == null || out.bytes() < bytes) {
            if (out != null) {
                out.close();
            }
            out = new NativeMemory("products of 8-bit weights", bytes);
            bench.out = out;
        }
        bench.products
                .product(rounded, padded, panel.outputs())
                .execute(
                        quantised.address() + (long) from * padded,
                        panel.weights(),
                        out.address(),
                        panel.scales(),
                        panel.offsets());
        return out;
    }

    private void store(
            NativeTensor out,
            int row,
            Int8Weight w,
            Int8Weight.Panel panel,
            NativeMemory product,
            long at,
            Store store,
            Bench bench) {
        bench.reserve(panel.outputs());
        float[] values = bench.values;
        product.read(at, values, 0, panel.outputs());
        float scale = scales[row];
        for (Int8Weight.Segment segment : panel.segments()) {
            scale(values, segment.local(), segment.count(), scale, w.bias(), (int) segment.row());
        }
        if (store == Store.GATE) {
            Int8Weight.Segment gate = panel.segments().get(0);
            int n = gate.count();
            RowKernels.gate(values, 0, values, 0, values, n, n, bench.exponential, bench.scratch);
            write(out, row, gate.row(), values, 0, n, bench);
            return;
        }
        for (Int8Weight.Segment segment : panel.segments()) {
            if (store == Store.ADD) {
                readRow(out, row, (int) segment.row(), segment.count(), bench);
                add(values, segment.local(), bench.row, segment.count());
            }
            write(out, row, segment.row(), values, segment.local(), segment.count(), bench);
        }
    }

    private static void scale(float[] values, int at, int n, float scale, float @Nullable [] bias, int biasAt) {
        if (bias == null) {
            for (int i = 0; i < n; i++) {
                values[at + i] *= scale;
            }
        } else {
            for (int i = 0; i < n; i++) {
                values[at + i] = values[at + i] * scale + bias[biasAt + i];
            }
        }
    }

    private static void add(float[] values, int at, float[] before, int n) {
        for (int i = 0; i < n; i++) {
            values[at + i] += before[i];
        }
    }

    /** Elements {@code from .. from + n - 1} of a row, into {@code bench.row}. */
    private static void readRow(NativeTensor tensor, int row, int from, int n, Bench bench) {
        long at = tensor.element(row) + from;
        if (tensor.dtype() == DType.F32) {
            tensor.memory().read(at, bench.row, 0, n);
        } else {
            tensor.memory().read(at, bench.halves, 0, n);
            HalfFloats.bf16ToFloat(bench.row, 0, bench.halves, 0, n);
        }
    }

    private static void write(NativeTensor out, int row, long column, float[] values, int at, int n, Bench bench) {
        long to = out.element(row) + column;
        if (out.dtype() == DType.F32) {
            out.memory().write(to, values, at, n);
        } else {
            HalfFloats.floatToBf16(bench.halves, 0, values, at, n);
            out.memory().write(to, bench.halves, 0, n);
        }
    }

    /** Gives the scale; what is no finite number makes the whole row's results no finite numbers. */
    private static float quantise(Bench bench, int n) {
        float scale = Int8Kernels.scale(Int8Kernels.magnitude(0, bench.row, 0, n));
        Int8Kernels.quantiseUnsigned(bench.bytes, bench.row, n, scale, bench.scratch);
        return scale;
    }

    @Override
    public void close() {
        for (Bench bench : benches) {
            bench.products.close();
            if (bench.out != null) {
                bench.out.close();
                bench.out = null;
            }
        }
    }
}
