package io.sliminfer.backend.cpu;

import io.sliminfer.backend.heap.HeapTensor;
import java.util.Arrays;

/**
 * {@code in * w^T} in plain Java. Many rows: up to {@value LaneKernels#LANES} rows become lanes (see {@link LaneKernels}); a task
 * takes {@link #OUTPUTS} outputs, converts their weights panel by panel and uses each panel for all lanes. Few rows: a dot product
 * for each output and row, as products of chunks that are added up at the end; bound by the conversion of the weights.
 *
 * <p>No sum is split between threads: results do not depend on their number.
 */
final class LaneMatmul {

    /** What becomes of the product. */
    enum Store {
        /** {@code out = product}. */
        SET,
        /** {@code out += product}. */
        ADD,
        /** {@code out = silu(first half) * second half}. */
        GATE
    }

    /** Outputs of a task. */
    private static final int OUTPUTS = 32;

    // 32 outputs of 1024 weights are 128 KiB of float32: with their sums (32 KiB) well inside a second-level cache.
    private static final int PANEL = 1024;

    // Below this many rows short vector loops over lanes cost more than dot products.
    private static final int LANES_MIN = 20;

    /** Elements of a chunk of a dot product. */
    private static final int CHUNK = 128;

    private static final int TRANSPOSED_COLUMNS = 64;

    private final WorkerPool pool;
    private final Scratch[] scratch;
    private float[][] transposed = new float[0][];
    // [row][chunk][element]; zero beyond the row's end.
    private float[][][] chunked = new float[LANES_MIN][0][];

    LaneMatmul(WorkerPool pool) {
        this.pool = pool;
        scratch = new Scratch[pool.threads()];
        for (int i = 0; i < scratch.length; i++) {
            scratch[i] = new Scratch();
        }
    }

    private static final class Scratch {
        // Sums of OUTPUTS outputs, and of as many "up" outputs beside their gates.
        private final float[][] sums = new float[2 * OUTPUTS][LaneKernels.LANES];
        private final float[] panel = new float[OUTPUTS * PANEL];
        private final float[][] chunks = new float[PANEL / CHUNK][CHUNK];
        private final float[][] products = new float[LANES_MIN][CHUNK];
        private final short[] halves = new short[PANEL];
        private final Exponential exponential = new Exponential();
        private final float[] exponents = new float[LaneKernels.LANES];
    }

    /** Makes room for inputs of this many columns; called when weights are loaded. */
    void reserve(long columns) {
        int old = transposed.length;
        if (columns > old) {
            transposed = Arrays.copyOf(transposed, Math.toIntExact(columns));
            for (int k = old; k < transposed.length; k++) {
                transposed[k] = new float[LaneKernels.LANES];
            }
            // An even number of chunks, because they are multiplied in pairs.
            chunked = new float[LANES_MIN][(transposed.length + 2 * CHUNK - 1) / (2 * CHUNK) * 2][CHUNK];
        }
    }

    void multiply(HeapTensor out, HeapTensor in, MappedWeight w, Store store) {
        int rows = (int) in.rows();
        for (int from = 0; from < rows; from += LaneKernels.LANES) {
            int lanes = Math.min(LaneKernels.LANES, rows - from);
            int first = from;
            boolean few = lanes < LANES_MIN;
            if (few) {
                chunk(in, first, lanes);
            } else {
                transpose(in, first, lanes);
            }
            int outputs = (int) out.columns();
            pool.run((outputs + OUTPUTS - 1) / OUTPUTS, (task, worker) -> {
                Scratch s = scratch[worker];
                int n = task * OUTPUTS;
                int count = Math.min(OUTPUTS, outputs - n);
                sum(s, 0, w, n, count, lanes, few);
                if (store == Store.GATE) {
                    sum(s, OUTPUTS, w, outputs + n, count, lanes, few);
                    for (int o = 0; o < count; o++) {
                        RowKernels.gate(
                                s.sums[o], 0, s.sums[o], 0, s.sums[OUTPUTS + o], 0, lanes, s.exponential, s.exponents);
                    }
                }
                store(out, first, lanes, n, count, s.sums, store == Store.ADD);
            });
        }
    }

    private void transpose(HeapTensor in, int first, int lanes) {
        float[] from = in.floats();
        int columns = (int) in.columns();
        pool.run((columns + TRANSPOSED_COLUMNS - 1) / TRANSPOSED_COLUMNS, (task, worker) -> {
            int k0 = task * TRANSPOSED_COLUMNS;
            int k1 = Math.min(columns, k0 + TRANSPOSED_COLUMNS);
            for (int lane = 0; lane < lanes; lane++) {
                int at = in.at(first + lane);
                for (int k = k0; k < k1; k++) {
                    transposed[k][lane] = from[at + k];
                }
            }
        });
    }

    private void chunk(HeapTensor in, int first, int lanes) {
        int columns = (int) in.columns();
        for (int lane = 0; lane < lanes; lane++) {
            for (int c = 0; c < chunked[lane].length; c++) {
                int count = Math.max(0, Math.min(CHUNK, columns - c * CHUNK));
                if (count > 0) {
                    System.arraycopy(in.floats(), in.at(first + lane) + c * CHUNK, chunked[lane][c], 0, count);
                }
                Arrays.fill(chunked[lane][c], count, CHUNK, 0);
            }
        }
    }

    /** {@code sums[sumAt + o][lane]} = bias + product of output {@code n + o}. */
    private void sum(Scratch s, int sumAt, MappedWeight w, int n, int count, int lanes, boolean few) {
        float[] bias = w.bias();
        for (int o = 0; o < count; o++) {
            Arrays.fill(s.sums[sumAt + o], 0, lanes, bias == null ? 0 : bias[n + o]);
        }
        if (few) {
            for (int o = 0; o < count; o++) {
                addDots(s, s.sums[sumAt + o], w, n + o, lanes);
            }
            return;
        }
        int columns = (int) w.columns();
        for (int from = 0; from < columns; from += PANEL) {
            int length = Math.min(PANEL, columns - from);
            for (int o = 0; o < count; o++) {
                w.unpack(s.panel, o * PANEL, n + o, from, length, s.halves);
            }
            LaneKernels.accumulate(s.sums, sumAt, count, transposed, from, length, s.panel, 0, PANEL, 1, lanes);
        }
    }

    /** {@code sums[lane] += chunked[lane] * row n of w}. */
    private void addDots(Scratch s, float[] sums, MappedWeight w, int n, int lanes) {
        LaneKernels.fill(s.products, lanes, CHUNK, 0);
        int columns = (int) w.columns();
        for (int from = 0; from < columns; from += PANEL) {
            int length = Math.min(PANEL, columns - from);
            w.unpack(s.panel, 0, n, from, length, s.halves);
            for (int c = 0; c * CHUNK < length; c += 2) {
                loadChunk(s, c, length);
                loadChunk(s, c + 1, length);
                int at = from / CHUNK + c;
                for (int lane = 0; lane < lanes; lane++) {
                    float[][] x = chunked[lane];
                    LaneKernels.addProducts(s.products[lane], s.chunks[c], x[at], s.chunks[c + 1], x[at + 1], CHUNK);
                }
            }
        }
        for (int lane = 0; lane < lanes; lane++) {
            sums[lane] += (float) RowKernels.sum(s.products[lane], 0, CHUNK);
        }
    }

    private static void loadChunk(Scratch s, int c, int length) {
        int count = Math.max(0, Math.min(CHUNK, length - c * CHUNK));
        System.arraycopy(s.panel, c * CHUNK, s.chunks[c], 0, count);
        Arrays.fill(s.chunks[c], count, CHUNK, 0);
    }

    private static void store(HeapTensor out, int first, int lanes, int n, int count, float[][] sums, boolean add) {
        float[] to = out.floats();
        for (int lane = 0; lane < lanes; lane++) {
            int at = out.at(first + lane) + n;
            for (int o = 0; o < count; o++) {
                to[at + o] = add ? to[at + o] + sums[o][lane] : sums[o][lane];
            }
        }
    }
}
