package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.heap.HeapTensor;
import io.sliminfer.prune.PruneShape;
import java.util.Arrays;

/**
 * Attention and block scores in plain Java. The lanes of a task (see {@link LaneKernels}) are the queries of a few rows and of all
 * query heads that share one KV head; keys and values are read one block at a time, in place if they are float32.
 *
 * <p>Attention is the blocked online softmax of FlashAttention (arXiv 2205.14135, algorithm 1): a running maximum m, a running sum l
 * and a running output o for each lane; a block that raises m scales l and o down. Scratch memory is that of one block.
 */
final class LaneAttention {

    private final WorkerPool pool;
    private final Scratch[] scratch;

    LaneAttention(WorkerPool pool) {
        this.pool = pool;
        scratch = new Scratch[pool.threads()];
        for (int i = 0; i < scratch.length; i++) {
            scratch[i] = new Scratch();
        }
    }

    /** One worker's memory; every inner array has a float for each lane. */
    private static final class Scratch {
        private final Exponential exponential = new Exponential();
        private float[][] query = new float[0][];
        private float[][] output = new float[0][];
        private float[][] scores = new float[0][];
        private float[] means = new float[0];
        /** One head's block, where the pool's type is not float32. */
        private float[] converted = new float[0];

        private final float[] max = new float[LaneKernels.LANES];
        private final float[] newMax = new float[LaneKernels.LANES];
        private final float[] sum = new float[LaneKernels.LANES];

        void reserve(int block, int headDim) {
            if (query.length < headDim) {
                query = new float[headDim][LaneKernels.LANES];
                output = new float[headDim][LaneKernels.LANES];
            }
            if (scores.length < block) {
                scores = new float[block][LaneKernels.LANES];
            }
            if (means.length < block * headDim) {
                means = new float[block * headDim];
                converted = new float[block * headDim];
            }
        }
    }

    /** Makes room for a pool's blocks; called when the pool is allocated. */
    void reserve(int block, int headDim) {
        for (Scratch s : scratch) {
            s.reserve(block, headDim);
        }
    }

    /** Rows of q that share a task. */
    private static int tileRows(HeadLayout heads) {
        if (heads.group() > LaneKernels.LANES) {
            throw new IllegalArgumentException(
                    heads.group() + " query heads share a KV head; at most " + LaneKernels.LANES + " are supported");
        }
        return LaneKernels.LANES / heads.group();
    }

    void attend(HeapTensor out, HeapTensor q, KvView kv, HeadLayout heads, float scale) {
        JavaKvPool kvPool = JavaKvPool.of(kv.pool(), heads.kvHeads(), heads.headDim());
        int tileRows = tileRows(heads);
        int tiles = 0;
        for (KvView.Sequence sequence : kv.sequences()) {
            tiles += (sequence.queries() + tileRows - 1) / tileRows;
        }
        int last = tiles - 1;
        pool.run(tiles * heads.kvHeads(), (task, worker) -> {
            // The last tiles see most tokens, so they go first.
            int tile = last - task / heads.kvHeads();
            int kvHead = task % heads.kvHeads();
            int firstRow = 0;
            for (KvView.Sequence sequence : kv.sequences()) {
                int own = (sequence.queries() + tileRows - 1) / tileRows;
                if (tile < own) {
                    int from = tile * tileRows;
                    int rows = Math.min(tileRows, sequence.queries() - from);
                    attendTile(
                            scratch[worker],
                            out,
                            q,
                            firstRow + from,
                            rows,
                            from,
                            sequence,
                            kvPool,
                            kvHead,
                            heads,
                            scale);
                    return;
                }
                tile -= own;
                firstRow += sequence.queries();
            }
        });
    }

    /**
     * @param row  first row of the tile in q and out
     * @param from the same row's number among its sequence's queries
     */
    private static void attendTile(
            Scratch s,
            HeapTensor out,
            HeapTensor q,
            int row,
            int rows,
            int from,
            KvView.Sequence sequence,
            JavaKvPool kvPool,
            int kvHead,
            HeadLayout heads,
            float scale) {
        int d = heads.headDim();
        int group = heads.group();
        int lanes = rows * group;
        int block = kvPool.block();
        loadQueries(s.query, q, row, rows, kvHead, heads, scale);
        LaneKernels.fill(s.output, d, lanes, 0);
        Arrays.fill(s.max, 0, lanes, Float.NEGATIVE_INFINITY);
        Arrays.fill(s.sum, 0, lanes, 0);

        // Row i of the tile sees tokens 0 .. firstToken + i.
        int firstToken = sequence.tokens() - sequence.queries() + from;
        int visible = firstToken + rows;
        for (int start = 0; start < visible; start += block) {
            int tokens = Math.min(block, visible - start);
            int slot = sequence.slots()[start / block];
            float[] keys = kvPool.floats(slot, kvHead, 0, tokens, s.converted);
            scores(s, tokens, keys, kvPool.offset(kvHead, 0), d, lanes);
            for (int t = 0; t < tokens; t++) {
                // Far below every score, and finite: a difference of two infinities would be NaN.
                Arrays.fill(s.scores[t], 0, masked(start + t, firstToken, rows, group), -Float.MAX_VALUE);
            }
            raiseMax(s, tokens, lanes);
            for (int i = 0; i < d; i++) {
                LaneKernels.multiply(s.output[i], s.max, lanes);
            }
            System.arraycopy(s.newMax, 0, s.max, 0, lanes);
            for (int t = 0; t < tokens; t++) {
                LaneKernels.subtract(s.scores[t], s.max, lanes);
                s.exponential.apply(s.scores[t], 0, lanes);
                Arrays.fill(s.scores[t], 0, masked(start + t, firstToken, rows, group), 0);
                LaneKernels.add(s.sum, s.scores[t], lanes);
            }
            int valueHead = heads.kvHeads() + kvHead;
            float[] values = kvPool.floats(slot, valueHead, 0, tokens, s.converted);
            int at = kvPool.offset(valueHead, 0);
            LaneKernels.accumulate(s.output, 0, d, s.scores, 0, tokens, values, at, 1, d, lanes);
        }
        storeOutputs(out, s, row, rows, kvHead, heads);
    }

    /** Lanes at the front whose row comes before this token. */
    private static int masked(int token, int firstToken, int rows, int group) {
        return Math.max(0, Math.min(rows, token - firstToken)) * group;
    }

    /** {@code query[i][row * group + g]} = element i of the row's g-th head of this KV head, times scale. */
    private static void loadQueries(
            float[][] query, HeapTensor q, int row, int rows, int kvHead, HeadLayout heads, float scale) {
        int d = heads.headDim();
        int group = heads.group();
        float[] from = q.floats();
        for (int r = 0; r < rows; r++) {
            for (int g = 0; g < group; g++) {
                int at = q.at(row + r) + (kvHead * group + g) * d;
                for (int i = 0; i < d; i++) {
                    query[i][r * group + g] = from[at + i] * scale;
                }
            }
        }
    }

    private static void storeOutputs(HeapTensor out, Scratch s, int row, int rows, int kvHead, HeadLayout heads) {
        int d = heads.headDim();
        int group = heads.group();
        float[] to = out.floats();
        for (int r = 0; r < rows; r++) {
            for (int g = 0; g < group; g++) {
                int at = out.at(row + r) + (kvHead * group + g) * d;
                int lane = r * group + g;
                for (int i = 0; i < d; i++) {
                    to[at + i] = s.output[i][lane] / s.sum[lane];
                }
            }
        }
    }

    /** {@code scores[t]} = query * key t for all lanes; keys lie {@code d} apart. */
    private static void scores(Scratch s, int tokens, float[] keys, int at, int d, int lanes) {
        LaneKernels.fill(s.scores, tokens, lanes, 0);
        LaneKernels.accumulate(s.scores, 0, tokens, s.query, 0, d, keys, at, d, 1, lanes);
    }

    /** Finds the new maximum, puts the factor e^(old - new) into {@code max} and scales the sum by it. */
    private static void raiseMax(Scratch s, int count, int lanes) {
        System.arraycopy(s.max, 0, s.newMax, 0, lanes);
        for (int t = 0; t < count; t++) {
            LaneKernels.max(s.newMax, s.scores[t], lanes);
        }
        LaneKernels.subtract(s.max, s.newMax, lanes);
        s.exponential.apply(s.max, 0, lanes);
        LaneKernels.multiply(s.sum, s.max, lanes);
    }

    /**
     * Scores of all live blocks. Each task passes the mean keys twice, first for maximum and sum of its lanes' softmax, then to add
     * the probabilities up; tasks keep their own sums, which are added in a fixed order.
     */
    void scoreBlocks(
            float[] blockScores, HeapTensor window, KvView kv, HeadLayout heads, float scale, PruneShape shape) {
        JavaKvPool kvPool = JavaKvPool.of(kv.pool(), heads.kvHeads(), heads.headDim());
        KvView.Sequence sequence = kv.sequences().get(0);
        int tileRows = tileRows(heads);
        int tiles = (shape.window() + tileRows - 1) / tileRows;
        double[][] sums = new double[tiles * heads.kvHeads()][BlockKernels.units(shape)];
        pool.run(sums.length, (task, worker) -> {
            int kvHead = task % heads.kvHeads();
            int row = task / heads.kvHeads() * tileRows;
            int rows = Math.min(tileRows, shape.window() - row);
            loadQueries(scratch[worker].query, window, row, rows, kvHead, heads, scale);
            scoreTile(scratch[worker], sums[task], sequence, kvPool, kvHead, heads, shape, rows * heads.group());
        });
        float[] unitScores = new float[BlockKernels.units(shape)];
        for (int u = 0; u < unitScores.length; u++) {
            double sum = 0;
            for (double[] part : sums) {
                sum += part[u];
            }
            unitScores[u] = (float) sum;
        }
        BlockKernels.blockScores(blockScores, unitScores, shape);
    }

    private static void scoreTile(
            Scratch s,
            double[] sums,
            KvView.Sequence sequence,
            JavaKvPool kvPool,
            int kvHead,
            HeadLayout heads,
            PruneShape shape,
            int lanes) {
        int d = heads.headDim();
        // As many units at a time as a pool's block has tokens: that is what the scratch memory holds.
        int units = sums.length;
        int step = kvPool.block();
        Arrays.fill(s.max, 0, lanes, Float.NEGATIVE_INFINITY);
        Arrays.fill(s.sum, 0, lanes, 0);
        for (int first = 0; first < units; first += step) {
            int count = Math.min(step, units - first);
            unitScores(s, first, count, sequence, kvPool, kvHead, d, shape, lanes);
            raiseMax(s, count, lanes);
            System.arraycopy(s.newMax, 0, s.max, 0, lanes);
            for (int u = 0; u < count; u++) {
                LaneKernels.subtract(s.scores[u], s.max, lanes);
                s.exponential.apply(s.scores[u], 0, lanes);
                LaneKernels.add(s.sum, s.scores[u], lanes);
            }
        }
        for (int lane = 0; lane < lanes; lane++) {
            s.sum[lane] = 1 / s.sum[lane];
        }
        for (int first = 0; first < units; first += step) {
            int count = Math.min(step, units - first);
            unitScores(s, first, count, sequence, kvPool, kvHead, d, shape, lanes);
            for (int u = 0; u < count; u++) {
                LaneKernels.subtract(s.scores[u], s.max, lanes);
                s.exponential.apply(s.scores[u], 0, lanes);
                LaneKernels.multiply(s.scores[u], s.sum, lanes);
                sums[first + u] = RowKernels.sum(s.scores[u], 0, lanes);
            }
        }
    }

    /** {@code scores[u]} = query * mean key of unit {@code first + u}, for {@code count} units. */
    private static void unitScores(
            Scratch s,
            int first,
            int count,
            KvView.Sequence sequence,
            JavaKvPool kvPool,
            int kvHead,
            int d,
            PruneShape shape,
            int lanes) {
        int unitsOfBlock = BlockKernels.unitsOf(shape.block(), shape.unit());
        for (int u = 0; u < count; u++) {
            int rank = (first + u) / unitsOfBlock;
            int tokenInBlock = (first + u) % unitsOfBlock * shape.unit();
            int tokens = Math.min(shape.unit(), shape.tokensOf(rank) - tokenInBlock);
            meanKey(
                    s.means,
                    u * d,
                    s.converted,
                    sequence,
                    kvPool,
                    kvHead,
                    d,
                    rank * shape.block() + tokenInBlock,
                    tokens);
        }
        scores(s, count, s.means, 0, d, lanes);
    }

    /** Slots may be of another size than the shape's blocks, so that a unit's tokens can lie in several. */
    private static void meanKey(
            float[] means,
            int at,
            float[] converted,
            KvView.Sequence sequence,
            JavaKvPool kvPool,
            int kvHead,
            int d,
            int firstToken,
            int tokens) {
        Arrays.fill(means, at, at + d, 0);
        for (int token = firstToken; token < firstToken + tokens; token++) {
            int slot = sequence.slots()[token / kvPool.block()];
            float[] keys = kvPool.floats(slot, kvHead, token % kvPool.block(), 1, converted);
            int key = kvPool.offset(kvHead, token % kvPool.block());
            for (int i = 0; i < d; i++) {
                means[at + i] += keys[key + i];
            }
        }
        float scale = 1f / tokens;
        for (int i = 0; i < d; i++) {
            means[at + i] *= scale;
        }
    }
}
