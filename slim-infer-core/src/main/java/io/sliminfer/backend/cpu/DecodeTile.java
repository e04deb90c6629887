package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.cpu.DnnlKernels.After;
import io.sliminfer.format.DType;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One worker's share of {@link DecodeAttention}: the query heads of one row that share a KV head, over the keys of one chunk at a time.
 * Its memory and its compiled products; one thread.
 */
final class DecodeTile implements AutoCloseable {

    /** Far below any score, yet finite: its exponential is 0 even after the row's maximum is subtracted. */
    private static final float MASKED = -1e30f;

    private final OneDnnBackend backend;
    private final DnnlKernels kernels = new DnnlKernels();
    private final SlotReader reader;
    private final DType dtype;
    private final int group;
    private final int headDim;
    private final NativeMemory output;
    private final RowBuffer row;
    private final float[] part;
    private float[] masked = {};
    private @Nullable NativeMemory scores;
    private @Nullable NativeMemory weights;
    private @Nullable NativeMemory gathered;

    /**
     * A sequence whose last token is the query.
     *
     * @param raw whether products read the pool as it is; else chunks are converted
     */
    record Row(OneDnnKvPool pool, int[] slots, int tokens, boolean raw, float scale) {

        int blocks() {
            return (tokens + pool.block() - 1) / pool.block();
        }

        /** Tokens of whole blocks: also the stride of a query head's scores, because the library's fast softmax wants dense rows. */
        int extent() {
            return blocks() * pool.block();
        }
    }

    DecodeTile(OneDnnBackend backend, HeadLayout heads, DType dtype) {
        this.backend = backend;
        this.dtype = dtype;
        this.group = heads.group();
        this.headDim = heads.headDim();
        this.reader = new SlotReader(kernels, dtype);
        this.output = backend.memory("attention output", (long) group * headDim * 4);
        this.row = new RowBuffer(group * headDim, dtype);
        this.part = new float[group * headDim];
    }

    boolean fits(HeadLayout heads, DType type) {
        return heads.headDim() == headDim && heads.group() == group && type == dtype;
    }

    /**
     * All steps for a sequence of one chunk.
     *
     * @param out {@code [1, queryColumns]}, as {@code q}; one KV head's columns are read and written
     */
    void attend(NativeTensor out, NativeTensor q, Row of, int kvHead) {
        long bytes = (long) group * of.extent();
        NativeMemory s = scores = backend.grow(scores, "attention scores", bytes * 4);
        NativeMemory p = s;
        if (dtype != DType.F32) {
            p = weights = backend.grow(weights, "attention weights", bytes * dtype.bytes());
        }
        score(s, 0, q, of, kvHead, 0, of.blocks());
        softmax(s, 0, p, of);
        weigh(output, 0, p, 0, of, kvHead, 0, of.blocks());
        sum(out, output, 0, 1, kvHead);
    }

    /** {@code S = scale * q K^T} of {@code count} blocks; the scores of the first query head begin at element {@code at}. */
    void score(NativeMemory s, long at, NativeTensor q, Row of, int kvHead, int first, int count) {
        int columns = count * of.pool.block();
        kernels.scaledMatmul(
                        Layout.matrix(dtype, group, headDim, headDim),
                        Layout.transposed(type(of), columns, headDim, kvStride(of)),
                        Layout.matrix(DType.F32, group, columns, of.extent()),
                        of.scale)
                .execute(
                        q.address() + (long) kvHead * group * headDim * dtype.bytes(),
                        chunk(of, first, count, kvHead),
                        s.address() + (at + (long) first * of.pool.block()) * 4);
    }

    /**
     * Softmax over all chunks. Reading behind the last token is safe because {@link RopeStore} clears the rest of a slot that it begins.
     */
    void softmax(NativeMemory s, long at, NativeMemory p, Row of) {
        int extent = of.extent();
        int behind = extent - of.tokens;
        if (masked.length < behind) {
            masked = new float[of.pool.block()];
            Arrays.fill(masked, MASKED);
        }
        for (int lane = 0; behind > 0 && lane < group; lane++) {
            s.write(at + (long) lane * of.extent() + of.tokens, masked, 0, behind);
        }
        kernels.softmax(
                        Layout.matrix(DType.F32, group, extent, of.extent()),
                        Layout.matrix(dtype, group, extent, of.extent()))
                .execute(s.address() + at * 4, p.address() + at * dtype.bytes());
    }

    /** {@code O = P V} of {@code count} blocks in float32, from element {@code to} of the output on. */
    void weigh(NativeMemory o, long to, NativeMemory p, long at, Row of, int kvHead, int first, int count) {
        int columns = count * of.pool.block();
        kernels.matmul(
                        Layout.matrix(dtype, group, columns, of.extent()),
                        Layout.matrix(type(of), columns, headDim, kvStride(of)),
                        Layout.matrix(DType.F32, group, headDim, headDim),
                        false,
                        After.NOTHING)
                .execute(
                        p.address() + (at + (long) first * of.pool.block()) * dtype.bytes(),
                        chunk(of, first, count, of.pool.kvHeads() + kvHead),
                        o.address() + to * 4);
    }

    /** Adds up the outputs of chunks, which lie one after the other from an element on, in their order. */
    void sum(NativeTensor out, NativeMemory o, long from, int chunks, int kvHead) {
        float[] sum = row.floats();
        Arrays.fill(sum, 0);
        for (int chunk = 0; chunk < chunks; chunk++) {
            o.read(from + (long) chunk * part.length, part, 0, part.length);
            for (int i = 0; i < part.length; i++) {
                sum[i] += part[i];
            }
        }
        row.write(out.memory(), out.element(0) + (long) kvHead * part.length, part.length);
    }

    private DType type(Row of) {
        return of.raw ? of.pool.dtype() : dtype;
    }

    private int kvStride(Row of) {
        return of.raw ? of.pool.rowElements() : headDim;
    }

    /**
     * Address of a head's keys or values of some blocks as one matrix: in place where their slots are neighbours, else a copy with the same
     * strides, so that which slots a sequence has makes no difference to the result.
     *
     * @param head counted as in {@link OneDnnKvPool}
     */
    private long chunk(Row of, int first, int count, int head) {
        OneDnnKvPool pool = of.pool;
        int start = first * pool.block();
        int tokens = count * pool.block();
        if (of.raw && pool.neighbours(of.slots, start, tokens) == tokens) {
            return pool.address(of.slots[first], 0, head);
        }
        int rowBytes = kvStride(of) * type(of).bytes();
        NativeMemory to = gathered = backend.grow(gathered, "gathered blocks", (long) tokens * rowBytes);
        for (int done = 0; done < tokens; ) {
            int run = pool.neighbours(of.slots, start + done, tokens - done);
            int slot = of.slots[first + done / pool.block()];
            if (of.raw) {
                Layout rows = Layout.matrix(pool.dtype(), run, headDim, pool.rowElements());
                kernels.reorder(rows, rows).execute(pool.address(slot, 0, head), to.address() + (long) done * rowBytes);
            } else {
                reader.read(pool, slot, 0, run, head, 1, to, (long) done * headDim, headDim);
            }
            done += run;
        }
        return to.address();
    }

    @Override
    public void close() {
        kernels.close();
        backend.free(output);
        for (NativeMemory memory : new NativeMemory[] {scores, weights, gathered}) {
            if (memory != null) {
                backend.free(memory);
            }
        }
    }
}
