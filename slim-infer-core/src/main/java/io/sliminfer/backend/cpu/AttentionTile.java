package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.cpu.DnnlKernels.After;
import io.sliminfer.format.DType;
import java.util.Arrays;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * One worker's share of {@link PrefillAttention}: its memory, its compiled products and the loop over chunks of keys. One thread.
 *
 * <p>Rows of queries lie row by row, the heads of the group next to each other: {@code rows * group} of them, called lanes here.
 */
final class AttentionTile implements AutoCloseable {

    /** Lanes of a tile. Copying a chunk of keys and values costs about 5 % of multiplying it with this many. */
    private static final int LANES_MAX = 1024;

    /** Keys of a chunk: with the lanes, its scores take 1 MiB in float32, about half of a core's second-level cache. */
    private static final int CHUNK = 256;

    /** Chunks are rounded up to this many keys, so that few products are compiled. */
    private static final int CHUNK_STEP = 32;

    /** Column {@code headDim} carries what is subtracted from scores; one more keeps rows even, which bf16 products like. */
    private static final int EXTRA_COLUMNS = 2;

    /** Rows of queries, keys and values start on a cache line. */
    private static final int PADDING = 16;

    private final OneDnnBackend backend;
    private final DnnlKernels kernels = new DnnlKernels();
    private final SlotReader reader;
    private final int headDim;
    private final int group;
    private final DType dtype;
    private final int stride;
    private final NativeMemory queries;
    private final NativeMemory keys;
    private final NativeMemory values;
    private final NativeMemory weights;
    private final NativeMemory output;
    private final NativeMemory sums;
    private final NativeMemory ones;
    private final RowBuffer row;
    private final float[] sum = new float[LANES_MAX];
    private final float[] reference = new float[LANES_MAX];
    private final float[] firstKey;
    private final @Nullable Products[] products = new Products[CHUNK / CHUNK_STEP + 1];
    private int productLanes;

    AttentionTile(OneDnnBackend backend, HeadLayout heads, DType dtype) {
        this.backend = backend;
        this.reader = new SlotReader(kernels, dtype);
        this.headDim = heads.headDim();
        this.group = heads.group();
        this.dtype = dtype;
        this.stride = (headDim + EXTRA_COLUMNS + PADDING - 1) / PADDING * PADDING;
        int lanes = rows(heads) * group;
        int bytes = dtype.bytes();
        queries = backend.memory("attention queries", (long) lanes * stride * bytes);
        keys = backend.memory("attention keys", (long) CHUNK * stride * bytes);
        values = backend.memory("attention values", (long) CHUNK * headDim * bytes);
        weights = backend.memory("attention weights", (long) lanes * CHUNK * bytes);
        output = backend.memory("attention output", (long) lanes * headDim * 4);
        sums = backend.memory("attention sums", lanes * 4L);
        ones = backend.memory("ones", (long) CHUNK * bytes);
        row = new RowBuffer(Math.max(Math.max(stride, headDim) * group, CHUNK), dtype);
        firstKey = new float[headDim];
        fillOnes();
    }

    /** Query rows of a tile: a power of two that is no larger than a chunk, so that every row sees something of every chunk. */
    static int rows(HeadLayout heads) {
        return Math.min(CHUNK, Math.max(1, Integer.highestOneBit(LANES_MAX / heads.group())));
    }

    boolean fits(HeadLayout heads, DType type) {
        return heads.headDim() == headDim && heads.group() == group && type == dtype;
    }

    private void fillOnes() {
        float[] one = row.floats();
        Arrays.fill(one, 0, CHUNK, 1);
        row.write(ones, 0, CHUNK);
        for (int key = 0; key < CHUNK; key++) {
            row.write(keys, (long) key * stride + headDim, 1);
        }
        Arrays.fill(one, 0, CHUNK, 0);
    }

    /**
     * @param out   as {@code q}
     * @param q     rows of all heads
     * @param slots the sequence's
     * @param from  token of the first row; row r sees tokens {@code 0 .. from + r}
     */
    void attend(NativeTensor out, NativeTensor q, OneDnnKvPool pool, int[] slots, int from, int kvHead, float scale) {
        int rows = (int) q.rows();
        loadQueries(q, pool, slots, kvHead, scale);
        if (!pass(pool, slots, from, rows, kvHead)) {
            // Some score lies too far above that of token 0. Not seen in practice; costs a third pass, changes nothing
            // else.
            useTrueMaximum(pool, slots, from, rows, kvHead);
            pass(pool, slots, from, rows, kvHead);
        }
        store(out, kvHead, rows);
    }

    /** Scaled queries, and in the column behind them minus the score of token 0. */
    private void loadQueries(NativeTensor q, OneDnnKvPool pool, int[] slots, int kvHead, float scale) {
        pool.readKeys(slots[0], 0, kvHead, 1, firstKey, 0);
        float[] values = row.floats();
        for (int r = 0; r < q.rows(); r++) {
            row.read(q.memory(), q.element(r) + (long) kvHead * group * headDim, group * headDim);
            for (int g = group - 1; g >= 0; g--) {
                int from = g * headDim;
                int to = g * stride;
                float dot = RowKernels.dot(values, from, firstKey, 0, headDim);
                for (int i = headDim - 1; i >= 0; i--) {
                    values[to + i] = values[from + i] * scale;
                }
                values[to + headDim] = -dot * scale;
                Arrays.fill(values, to + headDim + 1, to + stride, 0);
            }
            row.write(queries, (long) r * group * stride, group * stride);
        }
    }

    /**
     * Sums and outputs over all chunks.
     *
     * @return whether all sums are finite
     */
    private boolean pass(OneDnnKvPool pool, int[] slots, int from, int rows, int kvHead) {
        int lanes = rows * group;
        int tokens = from + rows;
        for (int start = 0; start < tokens; start += CHUNK) {
            int count = Math.min(CHUNK, tokens - start);
            int columns = gather(pool, slots, start, count, kvHead);
            Products of = products(lanes, columns);
            of.scores.execute(queries.address(), keys.address(), weights.address());
            mask(start, columns, from, rows);
            (start == 0 ? of.firstSums : of.sums).execute(weights.address(), ones.address(), sums.address());
            (start == 0 ? of.firstOutput : of.output).execute(weights.address(), values.address(), output.address());
        }
        sums.read(0, sum, 0, lanes);
        for (int lane = 0; lane < lanes; lane++) {
            if (!Float.isFinite(sum[lane])) {
                return false;
            }
        }
        return true;
    }

    /**
     * The products of a chunk. Looking one up by its shapes makes half a kilobyte of garbage, and a prompt has a hundred thousand chunks.
     * None is closed while it is here: the store of compiled operations drops what was used least recently, and holds far more than
     * the shapes of one number of lanes.
     */
    private record Products(
            DnnlPrimitive scores,
            DnnlPrimitive firstSums,
            DnnlPrimitive sums,
            DnnlPrimitive firstOutput,
            DnnlPrimitive output) {}

    private Products products(int lanes, int columns) {
        if (lanes != productLanes) {
            Arrays.fill(products, null);
            productLanes = lanes;
        }
        Products of = products[columns / CHUNK_STEP];
        if (of == null) {
            Layout one = Layout.matrix(dtype, columns, 1, 1);
            Layout sum = Layout.matrix(DType.F32, lanes, 1, 1);
            Layout v = Layout.matrix(dtype, columns, headDim, headDim);
            Layout out = Layout.matrix(DType.F32, lanes, headDim, headDim);
            of = new Products(
                    scores(lanes, columns, After.EXP),
                    weighted(lanes, columns, one, sum, After.NOTHING),
                    weighted(lanes, columns, one, sum, After.ADD_TO_DESTINATION),
                    weighted(lanes, columns, v, out, After.NOTHING),
                    weighted(lanes, columns, v, out, After.ADD_TO_DESTINATION));
            products[columns / CHUNK_STEP] = of;
        }
        return of;
    }

    private DnnlPrimitive scores(int lanes, int columns, After after) {
        return kernels.matmul(
                Layout.matrix(dtype, lanes, headDim + EXTRA_COLUMNS, stride),
                Layout.transposed(dtype, columns, headDim + EXTRA_COLUMNS, stride),
                Layout.matrix(dtype, lanes, columns, columns),
                false,
                after);
    }

    /** A product of the weights with something. */
    private DnnlPrimitive weighted(int lanes, int columns, Layout with, Layout to, After after) {
        return kernels.matmul(Layout.matrix(dtype, lanes, columns, columns), with, to, false, after);
    }

    /**
     * Copies keys and values of a chunk out of their slots.
     *
     * @return the count rounded up; what is behind the count are zeros in the values and leftovers in the keys
     */
    private int gather(OneDnnKvPool pool, int[] slots, int start, int count, int kvHead) {
        int columns = (count + CHUNK_STEP - 1) / CHUNK_STEP * CHUNK_STEP;
        for (int done = 0; done < count; ) {
            int run = pool.neighbours(slots, start + done, count - done);
            int slot = slots[(start + done) / pool.block()];
            int token = (start + done) % pool.block();
            reader.read(pool, slot, token, run, kvHead, 1, keys, (long) done * stride, stride);
            int valueHead = pool.kvHeads() + kvHead;
            reader.read(pool, slot, token, run, valueHead, 1, values, (long) done * headDim, headDim);
            done += run;
        }
        if (columns > count) {
            // A weight of 0 times a leftover that is no number would be no number.
            long at = values.address() + (long) count * headDim * dtype.bytes();
            Pointer.memset(new NativeMemory.Address(at), 0, (long) (columns - count) * headDim * dtype.bytes());
        }
        return columns;
    }

    /** Gives weight 0 to what follows a row's own token. */
    private void mask(int start, int columns, int from, int rows) {
        for (int r = 0; r < rows; r++) {
            int visible = from + r + 1 - start;
            if (visible >= columns) {
                return; // as for all later rows
            }
            for (int g = 0; g < group; g++) {
                row.zero(weights, ((long) r * group + g) * columns + visible, columns - visible);
            }
        }
    }

    /** Replaces the score of token 0 behind the queries by each lane's largest score. */
    private void useTrueMaximum(OneDnnKvPool pool, int[] slots, int from, int rows, int kvHead) {
        int lanes = rows * group;
        int tokens = from + rows;
        Arrays.fill(reference, 0, lanes, 0);
        setReference(lanes);
        Arrays.fill(reference, 0, lanes, Float.NEGATIVE_INFINITY);
        for (int start = 0; start < tokens; start += CHUNK) {
            int columns = gather(pool, slots, start, Math.min(CHUNK, tokens - start), kvHead);
            scores(lanes, columns, After.NOTHING).execute(queries.address(), keys.address(), weights.address());
            for (int lane = 0; lane < lanes; lane++) {
                int visible = Math.min(columns, from + lane / group + 1 - start);
                if (visible > 0) {
                    row.read(weights, (long) lane * columns, visible);
                    reference[lane] = Math.max(reference[lane], RowKernels.max(row.floats(), 0, visible));
                }
            }
        }
        setReference(lanes);
    }

    private void setReference(int lanes) {
        for (int lane = 0; lane < lanes; lane++) {
            row.floats()[0] = -reference[lane];
            row.write(queries, (long) lane * stride + headDim, 1);
        }
    }

    private void store(NativeTensor out, int kvHead, int rows) {
        float[] values = row.floats();
        for (int r = 0; r < rows; r++) {
            output.read((long) r * group * headDim, values, 0, group * headDim);
            for (int g = 0; g < group; g++) {
                float factor = 1 / sum[r * group + g];
                for (int i = g * headDim; i < (g + 1) * headDim; i++) {
                    values[i] *= factor;
                }
            }
            row.write(out.memory(), out.element(r) + (long) kvHead * group * headDim, group * headDim);
        }
    }

    @Override
    public void close() {
        kernels.close();
        backend.free(queries, keys, values, weights, output, sums, ones);
    }
}
