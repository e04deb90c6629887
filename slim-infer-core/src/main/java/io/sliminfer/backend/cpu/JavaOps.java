package io.sliminfer.backend.cpu;

import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.OpArguments;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.backend.heap.HeapReadback;
import io.sliminfer.backend.heap.HeapTensor;
import io.sliminfer.format.DType;
import io.sliminfer.prune.PruneShape;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The operations of {@link JavaBackend}: each runs in the caller and the pool's workers and is complete when it returns. */
final class JavaOps implements Ops {

    /** Rows of a task in operations that work row by row. */
    private static final int TASK_ROWS = 8;

    private final WorkerPool pool;
    private final LaneMatmul matmul;
    private final LaneAttention attention;
    private short[][] halves;

    JavaOps(WorkerPool pool) {
        this.pool = pool;
        matmul = new LaneMatmul(pool);
        attention = new LaneAttention(pool);
        halves = new short[pool.threads()][0];
    }

    /** Makes room for a weight that will be multiplied or looked up. */
    void reserve(MappedWeight weight) {
        matmul.reserve(weight.columns());
        if (halves[0].length < weight.columns()) {
            halves = new short[pool.threads()][Math.toIntExact(weight.columns())];
        }
    }

    /** Makes room for a pool's blocks. */
    void reserve(int block, int headDim) {
        attention.reserve(block, headDim);
    }

    /** A loop over rows of one tensor. */
    @FunctionalInterface
    private interface Row {
        void run(int row, int worker);
    }

    private void eachRow(long rows, Row body) {
        int count = (int) rows;
        pool.run((count + TASK_ROWS - 1) / TASK_ROWS, (task, worker) -> {
            int to = Math.min(count, (task + 1) * TASK_ROWS);
            for (int row = task * TASK_ROWS; row < to; row++) {
                body.run(row, worker);
            }
        });
    }

    @Override
    public void write(Tensor to, int[] values, int count) {
        OpArguments.write(to, DType.I32, 0, values.length, count);
        HeapTensor tensor = HeapTensor.of(to);
        System.arraycopy(values, 0, tensor.ints(), tensor.at(0), count);
    }

    @Override
    public void write(Tensor to, long row, float[] values, int count) {
        OpArguments.write(to, DType.F32, row, values.length, count);
        HeapTensor tensor = HeapTensor.of(to);
        System.arraycopy(values, 0, tensor.floats(), tensor.at(row), count);
    }

    @Override
    public void embed(Tensor x, Tensor ids, Weight table) {
        OpArguments.embed(x, ids, table);
        HeapTensor out = HeapTensor.of(x);
        HeapTensor rows = HeapTensor.of(ids);
        MappedWeight w = MappedWeight.of(table);
        int[] id = rows.ints();
        eachRow(x.rows(), (r, worker) -> {
            int row = id[rows.at(0) + r];
            if (row < 0 || row >= w.rows()) {
                throw new IllegalArgumentException(
                        "embed: id " + row + " of row " + r + " is not in the table of " + w.rows() + " rows");
            }
            w.unpack(out.floats(), out.at(r), row, 0, (int) w.columns(), halves[worker]);
        });
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Weight gain, float epsilon) {
        OpArguments.rmsNorm(out, x, gain);
        HeapTensor to = HeapTensor.of(out);
        HeapTensor from = HeapTensor.of(x);
        float[] gains = MappedWeight.of(gain).gain();
        int columns = (int) x.columns();
        eachRow(
                x.rows(),
                (r, worker) ->
                        RowKernels.rmsNorm(to.floats(), to.at(r), from.floats(), from.at(r), gains, columns, epsilon));
    }

    @Override
    public void linear(Tensor out, Tensor in, Weight w) {
        OpArguments.linear("linear", out, in, w);
        matmul.multiply(HeapTensor.of(out), HeapTensor.of(in), MappedWeight.of(w), LaneMatmul.Store.SET);
    }

    @Override
    public void linearAdd(Tensor x, Tensor in, Weight w) {
        OpArguments.linear("linearAdd", x, in, w);
        matmul.multiply(HeapTensor.of(x), HeapTensor.of(in), MappedWeight.of(w), LaneMatmul.Store.ADD);
    }

    @Override
    public void gatedLinear(Tensor out, Tensor in, Weight gateUp) {
        OpArguments.gatedLinear(out, in, gateUp);
        matmul.multiply(HeapTensor.of(out), HeapTensor.of(in), MappedWeight.of(gateUp), LaneMatmul.Store.GATE);
    }

    @Override
    public void ropeAndStore(Tensor q, KvView kv, Tensor qkv, HeadLayout heads, Tensor positions) {
        OpArguments.ropeAndStore(q, kv, qkv, heads, positions);
        HeapTensor queries = HeapTensor.of(q);
        HeapTensor from = HeapTensor.of(qkv);
        HeapTensor position = HeapTensor.of(positions);
        HeapTensor rope = HeapTensor.of(heads.rope());
        JavaKvPool kvPool = JavaKvPool.of(kv.pool(), heads.kvHeads(), heads.headDim());
        float[] queryNorm = gain(heads.queryNorm());
        float[] keyNorm = gain(heads.keyNorm());
        int d = heads.headDim();
        int firstRow = 0;
        for (KvView.Sequence sequence : kv.sequences()) {
            int firstToken = sequence.tokens() - sequence.queries();
            int rowOfToken0 = firstRow - firstToken;
            BlockRuns runs = new BlockRuns(kvPool.block(), firstToken, sequence.tokens(), kvPool.type());
            pool.run(
                    runs.tasks(),
                    (task, worker) -> runs.each(task, (block, token, count) -> {
                        float[] rows = new float[count * 2 * heads.kvColumns()];
                        for (int t = 0; t < count; t++) {
                            int row = rowOfToken0 + block * kvPool.block() + token + t;
                            int at = from.at(row);
                            int angles = rope.at(requirePosition(position.ints()[position.at(0) + row], rope));
                            for (int h = 0; h < heads.heads(); h++) {
                                int to = queries.at(row) + h * d;
                                head(
                                        queries.floats(),
                                        to,
                                        from.floats(),
                                        at + h * d,
                                        queryNorm,
                                        rope.floats(),
                                        angles,
                                        heads);
                            }
                            int key = at + heads.queryColumns();
                            int to = t * 2 * heads.kvColumns();
                            for (int h = 0; h < heads.kvHeads(); h++) {
                                head(
                                        rows,
                                        to + h * d,
                                        from.floats(),
                                        key + h * d,
                                        keyNorm,
                                        rope.floats(),
                                        angles,
                                        heads);
                            }
                            int columns = heads.kvColumns();
                            System.arraycopy(from.floats(), key + columns, rows, to + columns, columns);
                        }
                        kvPool.store(sequence.slots()[block], token, rows, count);
                    }));
            firstRow += sequence.queries();
        }
    }

    private static float @Nullable [] gain(@Nullable Weight norm) {
        return norm == null ? null : MappedWeight.of(norm).gain();
    }

    private static int requirePosition(int position, HeapTensor rope) {
        if (position < 0 || position >= rope.rows()) {
            throw new IllegalArgumentException("ropeAndStore: position " + position + " is not in the RoPE table of "
                    + rope.rows() + " positions");
        }
        return position;
    }

    /** Copies one head, normalises it where a gain is given, and rotates it. */
    private static void head(
            float[] to,
            int toAt,
            float[] from,
            int fromAt,
            float @Nullable [] gain,
            float[] rope,
            int angles,
            HeadLayout heads) {
        if (gain == null) {
            System.arraycopy(from, fromAt, to, toAt, heads.headDim());
        } else {
            RowKernels.rmsNorm(to, toAt, from, fromAt, gain, heads.headDim(), heads.normEpsilon());
        }
        RowKernels.rotate(to, toAt, rope, angles, heads.headDim());
    }

    @Override
    public void attend(Tensor out, Tensor q, KvView kv, HeadLayout heads, float scale) {
        OpArguments.attend(out, q, kv, heads);
        attention.attend(HeapTensor.of(out), HeapTensor.of(q), kv, heads, scale);
    }

    @Override
    public void scoreBlocks(Tensor scores, Tensor window, KvView kv, HeadLayout heads, float scale, PruneShape shape) {
        OpArguments.scoreBlocks(scores, window, kv, heads, shape);
        float[] blockScores = new float[shape.liveBlocks()];
        attention.scoreBlocks(blockScores, HeapTensor.of(window), kv, heads, scale, shape);
        HeapTensor to = HeapTensor.of(scores);
        System.arraycopy(blockScores, 0, to.floats(), to.at(0), blockScores.length);
    }

    @Override
    public void selectBlocks(Tensor kept, Tensor scores, PruneShape shape) {
        OpArguments.selectBlocks(kept, scores, shape);
        HeapTensor from = HeapTensor.of(scores);
        HeapTensor to = HeapTensor.of(kept);
        int[] ranks = new int[shape.keptBlocks()];
        float[] values = Arrays.copyOfRange(from.floats(), from.at(0), from.at(0) + shape.liveBlocks());
        BlockKernels.select(ranks, values, shape);
        System.arraycopy(ranks, 0, to.ints(), to.at(0), ranks.length);
    }

    @Override
    public void keepRows(Tensor out, Tensor in, Tensor kept, PruneShape shape) {
        OpArguments.keepRows(out, in, kept, shape);
        HeapTensor to = HeapTensor.of(out);
        HeapTensor from = HeapTensor.of(in);
        HeapTensor ranks = HeapTensor.of(kept);
        // In rising order, so that out may be in: a block never moves onto one that is still to be moved.
        int row = 0;
        for (int k = 0; k < shape.keptBlocks(); k++) {
            int rank = ranks.ints()[ranks.at(0) + k];
            int tokens = shape.tokensOf(rank);
            to.copyRows(row, from, rank * shape.block(), tokens);
            row += tokens;
        }
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        OpArguments.argmax(ids, logits);
        HeapTensor from = HeapTensor.of(logits);
        HeapTensor to = HeapTensor.of(ids);
        for (int r = 0; r < logits.rows(); r++) {
            to.ints()[to.at(0) + r] = RowKernels.argmax(from.floats(), from.at(r), (int) logits.columns());
        }
    }

    @Override
    public void copy(Tensor to, Tensor from) {
        OpArguments.copy(to, from);
        HeapTensor.of(to).copyRows(0, HeapTensor.of(from), 0, (int) to.rows());
    }

    @Override
    public void read(Readback to, Tensor from) {
        ((HeapReadback) to).copy(from);
    }
}
