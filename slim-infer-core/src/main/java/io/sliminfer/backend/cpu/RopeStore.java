package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.Weight;
import io.sliminfer.format.DType;
import io.sliminfer.format.HalfFloats;
import org.jspecify.annotations.Nullable;

/**
 * Splits, normalises and rotates rows of q, k, v and stores k and v into slots. Rows go through arrays on the heap, where C2
 * vectorises; a row is small enough to stay in the first-level cache.
 */
final class RopeStore {

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
            int firstToken = sequence.tokens() - sequence.queries();
            int rowOfToken0 = row - firstToken;
            BlockRuns runs = new BlockRuns(pool.block(), firstToken, sequence.tokens(), pool.type());
            BlockRuns.Run run = (block, token, count) -> {
                int first = rowOfToken0 + block * pool.block() + token;
                float[] stored = rows(q, qkv, heads, position, first, count);
                pool.store(sequence.slots()[block], token, stored, count);
            };
            if (runs.tasks() == 1) {
                runs.each(0, run);
            } else {
                workers.run(runs.tasks(), (task, worker) -> runs.each(task, run));
            }
            clearRestOfNewSlot(pool, sequence);
            row += sequence.queries();
        }
    }

    /**
     * Writes q of {@code count} rows from {@code first} on.
     *
     * @return their keys and values, {@code [count, 2 * kvColumns]}
     */
    private static float[] rows(
            NativeTensor q, NativeTensor qkv, HeadLayout heads, int[] position, int first, int count) {
        int queryColumns = heads.queryColumns();
        int kvColumns = heads.kvColumns();
        int headDim = heads.headDim();
        NativeTensor table = (NativeTensor) heads.rope();
        float[] queryGain = gain(heads.queryNorm());
        float[] keyGain = gain(heads.keyNorm());
        float[] values = new float[queryColumns + 2 * kvColumns];
        float[] angles = new float[headDim];
        short[] half = q.dtype() == DType.BF16 ? new short[queryColumns] : null;
        float[] stored = new float[count * 2 * kvColumns];
        for (int r = 0; r < count; r++) {
            qkv.memory().read(qkv.element(first + r), values, 0, values.length);
            table.memory().read(table.element(position[first + r]), angles, 0, headDim);
            for (int at = 0; at < queryColumns; at += headDim) {
                rotate(values, at, queryGain, heads, angles);
            }
            for (int at = queryColumns; at < queryColumns + kvColumns; at += headDim) {
                rotate(values, at, keyGain, heads, angles);
            }
            if (half == null) {
                q.memory().write(q.element(first + r), values, 0, queryColumns);
            } else {
                HalfFloats.floatToBf16(half, 0, values, 0, queryColumns);
                q.memory().write(q.element(first + r), half, 0, queryColumns);
            }
            System.arraycopy(values, queryColumns, stored, r * 2 * kvColumns, 2 * kvColumns);
        }
        return stored;
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
        if (used > 0 && sequence.queries() >= used) {
            pool.clearRows(sequence.slots()[(sequence.tokens() - 1) / pool.block()], used);
        }
    }
}
