package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.cpu.DnnlKernels.After;
import io.sliminfer.format.DType;
import java.util.Arrays;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * Attention of one row: {@code S = scale * q K^T} for all KV heads, softmax of each head's scores, {@code P V}, chunk by chunk of
 * keys. Chunks are cut by token, never by slot, and one that does not lie in neighbouring slots is copied first: which slots a
 * sequence has makes no difference to the result. Where the library has no code to multiply the pool's type, chunks are converted.
 */
final class DecodeAttention implements AutoCloseable {

    /** Far below any score, yet finite: its exponential is 0 even after the row's maximum is subtracted. */
    private static final float MASKED = -1e30f;

    /** Blocks of a chunk. */
    private static final int CHUNK_BLOCKS = 16;

    private final OneDnnBackend backend;
    private final DnnlKernels kernels;
    private final WorkerPool workers;
    private float[] masked = new float[64];
    private @Nullable NativeMemory scores;
    private @Nullable NativeMemory weights;
    private @Nullable NativeMemory output;
    private @Nullable NativeMemory gathered;
    private @Nullable ChunkConverter converter;
    private @Nullable OneDnnKvPool lastPool;
    private boolean inPlace;

    DecodeAttention(OneDnnBackend backend, DnnlKernels kernels, WorkerPool workers) {
        this.backend = backend;
        this.kernels = kernels;
        this.workers = workers;
        Arrays.fill(masked, MASKED);
    }

    /**
     * @param out {@code [1, queryColumns]}; may be {@code q}
     */
    void attend(
            NativeTensor out,
            NativeTensor q,
            OneDnnKvPool pool,
            KvView.Sequence sequence,
            HeadLayout heads,
            float scale) {
        int block = pool.block();
        int tokens = sequence.tokens();
        int blocks = (tokens + block - 1) / block;
        int extent = blocks * block;
        int headDim = heads.headDim();
        int group = heads.group();
        int kvHeads = heads.kvHeads();
        DType dtype = q.dtype();
        boolean raw = multipliesInPlace(pool, dtype);
        DType kvType = raw ? pool.dtype() : dtype;
        long kvStride = raw ? pool.rowElements() : pool.kvColumns();
        NativeMemory s = scores = backend.grow(scores, "attention scores", (long) heads.heads() * extent * 4);
        NativeMemory p = weights = dtype == DType.F32
                ? s
                : backend.grow(weights, "attention weights", (long) heads.heads() * extent * dtype.bytes());
        Layout rows =
                Layout.of(dtype, new long[] {kvHeads, group, headDim}, new long[] {(long) group * headDim, headDim, 1});
        for (int first = 0; first < blocks; first += CHUNK_BLOCKS) {
            int count = Math.min(CHUNK_BLOCKS, blocks - first);
            int columns = count * block;
            kernels.scaledMatmul(
                            rows,
                            Layout.of(
                                    kvType, new long[] {kvHeads, headDim, columns}, new long[] {headDim, 1, kvStride}),
                            Layout.of(DType.F32, new long[] {kvHeads, group, columns}, new long[] {
                                (long) group * extent, extent, 1
                            }),
                            scale)
                    .execute(
                            q.address(),
                            chunk(pool, dtype, sequence.slots(), first, count, 0),
                            s.address() + (long) first * block * 4);
        }
        mask(s, heads.heads(), tokens, extent);
        kernels.softmax(
                        Layout.matrix(DType.F32, heads.heads(), extent, extent),
                        Layout.matrix(dtype, heads.heads(), extent, extent))
                .execute(s.address(), p.address());
        // Chunks add up in float32, whatever the dtype.
        NativeMemory o = output = backend.grow(output, "attention output", q.columns() * 4);
        for (int first = 0; first < blocks; first += CHUNK_BLOCKS) {
            int count = Math.min(CHUNK_BLOCKS, blocks - first);
            int columns = count * block;
            kernels.matmul(
                            Layout.of(dtype, new long[] {kvHeads, group, columns}, new long[] {
                                (long) group * extent, extent, 1
                            }),
                            Layout.of(
                                    kvType, new long[] {kvHeads, columns, headDim}, new long[] {headDim, kvStride, 1}),
                            Layout.of(DType.F32, new long[] {kvHeads, group, headDim}, new long[] {
                                (long) group * headDim, headDim, 1
                            }),
                            false,
                            first == 0 ? After.NOTHING : After.ADD_TO_DESTINATION)
                    .execute(
                            p.address() + (long) first * block * dtype.bytes(),
                            chunk(pool, dtype, sequence.slots(), first, count, kvHeads),
                            o.address());
        }
        kernels.reorder(
                        Layout.matrix(DType.F32, 1, q.columns(), q.columns()),
                        Layout.matrix(dtype, 1, q.columns(), q.columns()))
                .execute(o.address(), out.address());
    }

    /** Reading behind the last token is safe because {@link RopeStore} clears the rest of a slot that it begins. */
    private void mask(NativeMemory s, int heads, int tokens, int extent) {
        if (masked.length < extent - tokens) {
            masked = new float[extent - tokens];
            Arrays.fill(masked, MASKED);
        }
        for (int row = 0; tokens < extent && row < heads; row++) {
            s.write((long) row * extent + tokens, masked, 0, extent - tokens);
        }
    }

    private boolean multipliesInPlace(OneDnnKvPool pool, DType dtype) {
        if (pool != lastPool) {
            lastPool = pool;
            inPlace = !pool.hasScales()
                    && (pool.dtype() == dtype
                            || (dtype == DType.F32 && kernels.multipliesInPlace(dtype, pool.dtype())));
        }
        return inPlace;
    }

    /**
     * Address of keys or values of {@code count} blocks as one matrix.
     *
     * @param head 0 for keys, {@code kvHeads} for values
     */
    private long chunk(OneDnnKvPool pool, DType dtype, int[] slots, int first, int count, int head) {
        if (!inPlace) {
            return converted(pool, dtype, slots, first, count, head);
        }
        int tokens = count * pool.block();
        if (pool.neighbours(slots, first * pool.block(), tokens) == tokens) {
            return pool.address(slots[first], 0, head);
        }
        NativeMemory to = gathered = backend.grow(gathered, "gathered blocks", CHUNK_BLOCKS * pool.slotBytes());
        for (int b = 0; b < count; b++) {
            Pointer.memcpy(
                    new NativeMemory.Address(to.address() + b * pool.slotBytes()),
                    new NativeMemory.Address(pool.address(slots[first + b], 0, 0)),
                    pool.slotBytes());
        }
        return to.address() + pool.address(0, 0, head) - pool.address(0, 0, 0);
    }

    /** As {@link #chunk}, in rows of {@code kvColumns} elements of the compute dtype. */
    private long converted(OneDnnKvPool pool, DType dtype, int[] slots, int first, int count, int head) {
        long elements = (long) CHUNK_BLOCKS * pool.block() * pool.kvColumns();
        NativeMemory to = gathered = backend.grow(gathered, "gathered blocks", elements * dtype.bytes());
        ChunkConverter c = converter;
        if (c == null || c.dtype() != dtype) {
            close();
            c = converter = new ChunkConverter(workers, dtype);
        }
        c.convert(pool, slots, first, count, head, to);
        return to.address();
    }

    @Override
    public void close() {
        if (converter != null) {
            converter.close();
            converter = null;
        }
    }
}
