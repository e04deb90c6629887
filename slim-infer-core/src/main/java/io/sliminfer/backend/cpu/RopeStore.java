package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.Weight;
import io.sliminfer.format.DType;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * Splits, normalises and rotates rows of q, k, v and stores k and v into slots. Rows go through arrays on the heap, where C2
 * vectorises; a row is small enough to stay in the first-level cache.
 */
final class RopeStore {

    private static final int ROWS_PER_TASK = 16;

    private final WorkerPool workers;

    RopeStore(WorkerPool workers) {
        this.workers = workers;
    }

    void run(NativeTensor q, KvView kv, NativeTensor qkv, HeadLayout heads, NativeTensor positions) {
        OneDnnKvPool pool = (OneDnnKvPool) kv.pool();
        int rows = kv.queries();
        int[] position = new int[rows];
        positions.memory().read(positions.offset(), position, 0, rows);
        int row = 0;
        for (KvView.Sequence sequence : kv.sequences()) {
            int first = row;
            int count = sequence.queries();
            int tasks = (count + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
            if (tasks == 1) {
                rows(q, pool, qkv, heads, position, sequence, first, 0, count);
            } else {
                workers.run(
                        tasks,
                        (index, worker) -> rows(
                                q,
                                pool,
                                qkv,
                                heads,
                                position,
                                sequence,
                                first,
                                index * ROWS_PER_TASK,
                                Math.min(count, (index + 1) * ROWS_PER_TASK)));
            }
            clearRestOfNewSlot(pool, sequence);
            row += count;
        }
    }

    /** Rows {@code from..to} of one sequence, whose first row in the tensors is {@code first}. */
    private static void rows(
            NativeTensor q,
            OneDnnKvPool pool,
            NativeTensor qkv,
            HeadLayout heads,
            int[] position,
            KvView.Sequence sequence,
            int first,
            int from,
            int to) {
        int queryColumns = heads.queryColumns();
        int kvColumns = heads.kvColumns();
        int headDim = heads.headDim();
        NativeTensor table = (NativeTensor) heads.rope();
        float[] queryGain = gain(heads.queryNorm());
        float[] keyGain = gain(heads.keyNorm());
        float[] values = new float[queryColumns + 2 * kvColumns];
        float[] angles = new float[headDim];
        short[] half = pool.dtype() == DType.BF16 ? new short[values.length] : null;
        int base = sequence.tokens() - sequence.queries();
        for (int r = from; r < to; r++) {
            qkv.memory().read(qkv.element(first + r), values, 0, values.length);
            table.memory().read(table.element(position[first + r]), angles, 0, headDim);
            for (int at = 0; at < queryColumns; at += headDim) {
                rotate(values, at, queryGain, heads, angles);
            }
            for (int at = queryColumns; at < queryColumns + kvColumns; at += headDim) {
                rotate(values, at, keyGain, heads, angles);
            }
            int token = base + r;
            long key = pool.element(sequence.slots()[token / pool.block()], token % pool.block());
            if (half == null) {
                q.memory().write(q.element(first + r), values, 0, queryColumns);
                pool.memory().write(key, values, queryColumns, 2 * kvColumns);
            } else {
                HalfFloats.floatToBf16(half, 0, values, 0, values.length);
                q.memory().write(q.element(first + r), half, 0, queryColumns);
                pool.memory().write(key, half, queryColumns, 2 * kvColumns);
            }
        }
    }

    private static float @Nullable [] gain(@Nullable Weight norm) {
        return norm == null ? null : ((OneDnnWeight) norm).requireGain();
    }

    private static void rotate(float[] values, int at, float @Nullable [] gain, HeadLayout heads, float[] angles) {
        if (gain != null) {
            RowKernels.rmsNorm(values, at, values, at, gain, heads.headDim(), heads.normEpsilon());
        }
        RowKernels.rotate(values, at, angles, 0, heads.headDim());
    }

    /**
     * Attention reads whole blocks and masks what lies behind the last token; what it reads there must be numbers, so a slot that
     * was just begun is cleared behind its last row. (A slot may hold anything of its previous owner.)
     */
    private static void clearRestOfNewSlot(OneDnnKvPool pool, KvView.Sequence sequence) {
        int used = sequence.tokens() % pool.block();
        if (used == 0 || sequence.queries() < used) {
            return;
        }
        int slot = sequence.slots()[(sequence.tokens() - 1) / pool.block()];
        int bytes = pool.dtype().bytes();
        long at = pool.memory().address() + pool.element(slot, used) * bytes;
        Pointer.memset(new NativeMemory.Address(at), 0, (long) (pool.block() - used) * pool.rowElements() * bytes);
    }
}
