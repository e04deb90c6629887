package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.cpu.DnnlKernels.After;
import io.sliminfer.format.DType;
import io.sliminfer.prune.PruneShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Attention by three library calls a tile: {@code S = scale * Q K^T}, softmax of each row of S, {@code P V}. Keys and values are
 * read in place from the slots; slots that lie next to each other form one matrix. A tile's row of scores is as long as the
 * tile's causal extent, and the tile has fewer rows the longer it is, so memory does not grow with the prompt.
 *
 * <p>Extents are rounded up so that few shapes are compiled: a sixteenth of the extent, at least a block. Behind the causal edge
 * scores are overwritten with {@link #MASKED} before the softmax. Reading behind the last token is safe because
 * {@link RopeStore} clears the rest of a slot that it begins.
 */
final class OneDnnAttention {

    /** Far below any score, yet finite: its exponential is 0 even after the row's maximum is subtracted. */
    private static final float MASKED = -1e30f;

    /** Bytes of a tile's scores: they should stay in the second or third level of cache. */
    private static final long SCORE_BYTES = 16L << 20;

    private static final int TILE_MAX = 256;

    private final OneDnnBackend backend;
    private final DnnlKernels kernels;
    private final WorkerPool workers;
    private float[] masked = new float[1024];
    private @Nullable NativeMemory scores;
    private @Nullable NativeMemory weights;
    private @Nullable NativeMemory means;
    private @Nullable NativeMemory window;
    private @Nullable NativeMemory sums;
    private @Nullable NativeMemory ones;

    OneDnnAttention(OneDnnBackend backend, DnnlKernels kernels, WorkerPool workers) {
        this.backend = backend;
        this.kernels = kernels;
        this.workers = workers;
        Arrays.fill(masked, MASKED);
    }

    /** Neighbouring slots: tokens {@code from .. from + tokens} of the sequence. */
    private record Run(int from, int tokens, long keys, long values) {}

    private static List<Run> runs(OneDnnKvPool pool, int[] slots, int blocks) {
        List<Run> runs = new ArrayList<>(1);
        for (int first = 0; first < blocks; ) {
            int next = first + 1;
            while (next < blocks && slots[next] == slots[next - 1] + 1) {
                next++;
            }
            runs.add(new Run(
                    first * pool.block(),
                    (next - first) * pool.block(),
                    pool.keys(slots[first]),
                    pool.values(slots[first])));
            first = next;
        }
        return runs;
    }

    void attend(NativeTensor out, NativeTensor q, KvView kv, HeadLayout heads, float scale) {
        OneDnnKvPool pool = (OneDnnKvPool) kv.pool();
        int row = 0;
        for (KvView.Sequence sequence : kv.sequences()) {
            int blocks = (sequence.tokens() + pool.block() - 1) / pool.block();
            List<Run> runs = runs(pool, sequence.slots(), blocks);
            if (sequence.queries() == 1) {
                attendOne(out.rows(row, row + 1), q.rows(row, row + 1), pool, runs, sequence.tokens(), heads, scale);
            } else {
                attendRows(
                        out.rows(row, row + sequence.queries()),
                        q.rows(row, row + sequence.queries()),
                        pool,
                        runs,
                        sequence.tokens(),
                        heads,
                        scale);
            }
            row += sequence.queries();
        }
    }

    /** Prefill: tiles of query rows, one KV head at a time with the query heads that share it. */
    private void attendRows(
            NativeTensor out,
            NativeTensor q,
            OneDnnKvPool pool,
            List<Run> runs,
            int tokens,
            HeadLayout heads,
            float scale) {
        int queries = (int) q.rows();
        int base = tokens - queries;
        int block = pool.block();
        int tokensInSlots = (tokens + block - 1) / block * block;
        int headDim = heads.headDim();
        int group = heads.group();
        int kvStride = pool.rowElements();
        long queryColumns = q.columns();
        DType dtype = q.dtype();
        int tile = tileRows(group, tokensInSlots);
        NativeMemory s = scores = backend.grow(scores, "attention scores", (long) group * tile * tokensInSlots * 4);
        NativeMemory p = weights = dtype == DType.F32
                ? s
                : backend.grow(weights, "attention weights", (long) group * tile * tokensInSlots * dtype.bytes());
        for (int from = 0; from < queries; from += tile) {
            int rows = Math.min(tile, queries - from);
            int visible = base + from + 1;
            int extent = extent(base + from + rows, block, tokensInSlots);
            long headBytes = (long) headDim * dtype.bytes();
            for (int kvHead = 0; kvHead < heads.kvHeads(); kvHead++) {
                long query = q.address() + (from * queryColumns + (long) kvHead * group * headDim) * dtype.bytes();
                long result = out.address() + (from * queryColumns + (long) kvHead * group * headDim) * dtype.bytes();
                for (Run run : runs) {
                    int columns = Math.min(run.tokens(), extent - run.from());
                    if (columns <= 0) {
                        break;
                    }
                    kernels.scaledMatmul(
                                    Layout.of(dtype, new long[] {group, rows, headDim}, new long[] {
                                        headDim, queryColumns, 1
                                    }),
                                    Layout.of(dtype, new long[] {1, headDim, columns}, new long[] {
                                        (long) columns * kvStride, 1, kvStride
                                    }),
                                    Layout.of(DType.F32, new long[] {group, rows, columns}, new long[] {
                                        (long) rows * extent, extent, 1
                                    }),
                                    scale)
                            .execute(query, run.keys() + kvHead * headBytes, s.address() + run.from() * 4L);
                }
                mask(s, group, rows, extent, visible);
                kernels.softmax(
                                Layout.matrix(DType.F32, (long) group * rows, extent, extent),
                                Layout.matrix(dtype, (long) group * rows, extent, extent))
                        .execute(s.address(), p.address());
                for (Run run : runs) {
                    int columns = Math.min(run.tokens(), extent - run.from());
                    if (columns <= 0) {
                        break;
                    }
                    kernels.matmul(
                                    Layout.of(dtype, new long[] {group, rows, columns}, new long[] {
                                        (long) rows * extent, extent, 1
                                    }),
                                    Layout.of(dtype, new long[] {1, columns, headDim}, new long[] {
                                        (long) columns * kvStride, kvStride, 1
                                    }),
                                    Layout.of(dtype, new long[] {group, rows, headDim}, new long[] {
                                        headDim, queryColumns, 1
                                    }),
                                    false,
                                    run.from() == 0 ? After.NOTHING : After.ADD_TO_DESTINATION)
                            .execute(
                                    p.address() + (long) run.from() * dtype.bytes(),
                                    run.values() + kvHead * headBytes,
                                    result);
                }
            }
        }
    }

    /** Decode: one row, all KV heads in one call. */
    private void attendOne(
            NativeTensor out,
            NativeTensor q,
            OneDnnKvPool pool,
            List<Run> runs,
            int tokens,
            HeadLayout heads,
            float scale) {
        int block = pool.block();
        int extent = (tokens + block - 1) / block * block;
        int headDim = heads.headDim();
        int group = heads.group();
        int kvHeads = heads.kvHeads();
        int kvStride = pool.rowElements();
        DType dtype = q.dtype();
        NativeMemory s = scores = backend.grow(scores, "attention scores", (long) heads.heads() * extent * 4);
        NativeMemory p = weights = dtype == DType.F32
                ? s
                : backend.grow(weights, "attention weights", (long) heads.heads() * extent * dtype.bytes());
        Layout rows =
                Layout.of(dtype, new long[] {kvHeads, group, headDim}, new long[] {(long) group * headDim, headDim, 1});
        for (Run run : runs) {
            kernels.scaledMatmul(
                            rows,
                            Layout.of(
                                    dtype, new long[] {kvHeads, headDim, run.tokens()}, new long[] {headDim, 1, kvStride
                                    }),
                            Layout.of(DType.F32, new long[] {kvHeads, group, run.tokens()}, new long[] {
                                (long) group * extent, extent, 1
                            }),
                            scale)
                    .execute(q.address(), run.keys(), s.address() + run.from() * 4L);
        }
        for (int row = 0; tokens < extent && row < heads.heads(); row++) {
            s.write((long) row * extent + tokens, masked, 0, extent - tokens);
        }
        kernels.softmax(
                        Layout.matrix(DType.F32, heads.heads(), extent, extent),
                        Layout.matrix(dtype, heads.heads(), extent, extent))
                .execute(s.address(), p.address());
        for (Run run : runs) {
            kernels.matmul(
                            Layout.of(dtype, new long[] {kvHeads, group, run.tokens()}, new long[] {
                                (long) group * extent, extent, 1
                            }),
                            Layout.of(
                                    dtype, new long[] {kvHeads, run.tokens(), headDim}, new long[] {headDim, kvStride, 1
                                    }),
                            rows,
                            false,
                            run.from() == 0 ? After.NOTHING : After.ADD_TO_DESTINATION)
                    .execute(p.address() + (long) run.from() * dtype.bytes(), run.values(), out.address());
        }
    }

    private static int tileRows(int group, int extentMax) {
        long rows = SCORE_BYTES / 4 / group / extentMax;
        return (int) Math.max(16, Math.min(TILE_MAX, Long.highestOneBit(Math.max(1, rows))));
    }

    /** The tile's causal extent, rounded up to one of a few sizes but never behind the last slot. */
    private static int extent(int tokens, int block, int tokensInSlots) {
        int step = Math.max(Math.max(block, 128), Integer.highestOneBit(tokens) / 16);
        return Math.min((tokens + step - 1) / step * step, tokensInSlots);
    }

    /** Hides from row r what follows its own token: columns {@code visible + r} and more. */
    private void mask(NativeMemory s, int group, int rows, int extent, int visible) {
        if (masked.length < extent) {
            masked = new float[extent];
            Arrays.fill(masked, MASKED);
        }
        for (int head = 0; head < group; head++) {
            for (int r = 0; r < rows; r++) {
                int from = visible + r;
                if (from < extent) {
                    s.write(((long) head * rows + r) * extent + from, masked, 0, extent - from);
                }
            }
        }
    }

    /** Always in float32: the choice of blocks should not hang on a rounding. */
    void scoreBlocks(NativeTensor out, NativeTensor q, KvView kv, HeadLayout heads, float scale, PruneShape shape) {
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
            short[] half = new short[kvColumns];
            for (int t = 0; t < tokens; t++) {
                int token = rank * shape.block() + t;
                long key = pool.element(sequence.slots()[token / pool.block()], token % pool.block());
                if (pool.dtype() == DType.F32) {
                    pool.memory().read(key, keys, t * kvColumns, kvColumns);
                } else {
                    pool.memory().read(key, half, 0, kvColumns);
                    HalfFloats.bf16ToFloat(keys, t * kvColumns, half, 0, kvColumns);
                }
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
