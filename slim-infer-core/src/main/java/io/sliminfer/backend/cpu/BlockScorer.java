package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.cpu.DnnlKernels.After;
import io.sliminfer.format.DType;
import io.sliminfer.prune.PruneShape;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Scores blocks by the mean keys of their units (docs/algorithm.md, Prefill 2): one product and one softmax for each KV head. */
final class BlockScorer {

    private final OneDnnBackend backend;
    private final DnnlKernels kernels;
    private final WorkerPool workers;
    private @Nullable NativeMemory scores;
    private @Nullable NativeMemory means;
    private @Nullable NativeMemory window;
    private @Nullable NativeMemory sums;
    private @Nullable NativeMemory ones;

    BlockScorer(OneDnnBackend backend, DnnlKernels kernels, WorkerPool workers) {
        this.backend = backend;
        this.kernels = kernels;
        this.workers = workers;
    }

    /** Always in float32: the choice of blocks should not hang on a rounding. */
    void score(NativeTensor out, NativeTensor q, KvView kv, HeadLayout heads, float scale, PruneShape shape) {
        OneDnnKvPool pool = (OneDnnKvPool) kv.pool();
        int units = BlockKernels.units(shape);
        int headDim = heads.headDim();
        int group = heads.group();
        int kvColumns = heads.kvColumns();
        int queryColumns = heads.queryColumns();
        int rows = shape.window();
        NativeMemory mean = means = backend.grow(means, "unit keys", (long) units * kvColumns * 4);
        unitMeans(mean, pool, kv.sequences().get(0), shape);
        long query = q.address();
        if (q.dtype() != DType.F32) {
            NativeMemory copy = window = backend.grow(window, "the window's queries", (long) rows * queryColumns * 4);
            kernels.reorder(
                            Layout.matrix(q.dtype(), rows, queryColumns, queryColumns),
                            Layout.matrix(DType.F32, rows, queryColumns, queryColumns))
                    .execute(query, copy.address());
            query = copy.address();
        }
        int scored = group * rows;
        NativeMemory s = scores = backend.grow(scores, "attention scores", (long) scored * units * 4);
        NativeMemory sum = sums = backend.grow(sums, "unit scores", (long) units * 4);
        NativeMemory one = ones(scored);
        for (int kvHead = 0; kvHead < heads.kvHeads(); kvHead++) {
            kernels.scaledMatmul(
                            Layout.of(DType.F32, new long[] {group, rows, headDim}, new long[] {headDim, queryColumns, 1
                            }),
                            Layout.of(DType.F32, new long[] {1, headDim, units}, new long[] {
                                (long) units * kvColumns, 1, kvColumns
                            }),
                            Layout.of(DType.F32, new long[] {group, rows, units}, new long[] {
                                (long) rows * units, units, 1
                            }),
                            scale)
                    .execute(
                            query + (long) kvHead * group * headDim * 4,
                            mean.address() + (long) kvHead * headDim * 4,
                            s.address());
            Layout all = Layout.matrix(DType.F32, scored, units, units);
            kernels.softmax(all, all).execute(s.address(), s.address());
            // The sum over heads and rows is a product with a row of ones.
            kernels.matmul(
                            Layout.matrix(DType.F32, 1, scored, scored),
                            all,
                            Layout.matrix(DType.F32, 1, units, units),
                            false,
                            kvHead == 0 ? After.NOTHING : After.ADD_TO_DESTINATION)
                    .execute(one.address(), s.address(), sum.address());
        }
        float[] unitScores = new float[units];
        float[] blockScores = new float[shape.liveBlocks()];
        sum.read(0, unitScores, 0, units);
        BlockKernels.blockScores(blockScores, unitScores, shape);
        out.memory().write(out.offset(), blockScores, 0, blockScores.length);
    }

    private void unitMeans(NativeMemory mean, OneDnnKvPool pool, KvView.Sequence sequence, PruneShape shape) {
        int kvColumns = pool.kvColumns();
        workers.run(shape.liveBlocks(), (rank, worker) -> {
            int tokens = shape.tokensOf(rank);
            float[] keys = new float[tokens * kvColumns];
            for (int t = 0; t < tokens; t++) {
                int token = rank * shape.block() + t;
                int slot = sequence.slots()[token / pool.block()];
                pool.readKeys(slot, token % pool.block(), 0, pool.kvHeads(), keys, t * kvColumns);
            }
            int units = BlockKernels.unitsOf(tokens, shape.unit());
            float[] unitKeys = new float[units * kvColumns];
            BlockKernels.unitMeans(unitKeys, 0, keys, 0, kvColumns, tokens, shape.unit(), kvColumns);
            mean.write((long) BlockKernels.firstUnit(shape, rank) * kvColumns, unitKeys, 0, unitKeys.length);
        });
    }

    private NativeMemory ones(int count) {
        NativeMemory old = ones;
        NativeMemory memory = ones = backend.grow(old, "ones", count * 4L);
        if (memory != old) {
            float[] values = new float[count];
            Arrays.fill(values, 1);
            memory.write(0, values, 0, count);
        }
        return memory;
    }
}
