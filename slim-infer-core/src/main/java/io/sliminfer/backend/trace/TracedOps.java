package io.sliminfer.backend.trace;

import io.sliminfer.backend.DeviceClock.Queue;
import io.sliminfer.backend.Fence;
import io.sliminfer.backend.HeadLayout;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.backend.Weight;
import io.sliminfer.prune.PruneShape;
import java.util.IdentityHashMap;
import java.util.Map;

/** Operations with marks around them, and what each must compute and move at least. Engine thread only. */
final class TracedOps implements Ops {

    private final Ops ops;
    private final SpanRecorder spans;
    /** Names of products by weight, so that no text is built for each operation. */
    private final Map<Weight, String> shapes = new IdentityHashMap<>();

    TracedOps(Ops ops, SpanRecorder spans) {
        this.ops = ops;
        this.spans = spans;
    }

    @Override
    public void write(Tensor to, int[] values, int count) {
        begin();
        ops.write(to, values, count);
        end("write", count, 0, 4.0 * count);
    }

    @Override
    public void write(Tensor to, long row, float[] values, int count) {
        begin();
        ops.write(to, row, values, count);
        end("write", count, 0, 4.0 * count);
    }

    @Override
    public void embed(Tensor x, Tensor ids, Weight table) {
        begin();
        ops.embed(x, ids, table);
        double row = (double) table.bytes() / table.rows();
        end("embed", x.rows(), 0, x.bytes() + x.rows() * row);
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Weight gain, float epsilon) {
        begin();
        ops.rmsNorm(out, x, gain, epsilon);
        end("rmsNorm", x.rows(), 0, out.bytes() + x.bytes());
    }

    @Override
    public void linear(Tensor out, Tensor in, Weight w) {
        begin();
        ops.linear(out, in, w);
        end(product("linear ", w), in.rows(), flops(in, w), out.bytes() + in.bytes() + w.bytes());
    }

    @Override
    public void linearAdd(Tensor x, Tensor in, Weight w) {
        begin();
        ops.linearAdd(x, in, w);
        end(product("linearAdd ", w), in.rows(), flops(in, w), 2 * x.bytes() + in.bytes() + w.bytes());
    }

    @Override
    public void gatedLinear(Tensor out, Tensor in, Weight gateUp) {
        begin();
        ops.gatedLinear(out, in, gateUp);
        end(product("gatedLinear ", gateUp), in.rows(), flops(in, gateUp), out.bytes() + in.bytes() + gateUp.bytes());
    }

    private String product(String op, Weight w) {
        return shapes.computeIfAbsent(w, weight -> op + weight.rows() + "x" + weight.columns());
    }

    private static double flops(Tensor in, Weight w) {
        return 2.0 * in.rows() * w.rows() * w.columns();
    }

    @Override
    public void ropeAndStore(Tensor q, KvView kv, Tensor qkv, HeadLayout heads, Tensor positions) {
        begin();
        ops.ropeAndStore(q, kv, qkv, heads, positions);
        end("ropeAndStore", q.rows(), 0, q.bytes() + qkv.bytes() + q.rows() * tokenBytes(kv));
    }

    @Override
    public void attend(Tensor out, Tensor q, KvView kv, HeadLayout heads, float scale) {
        double pairs = 0;
        double tokens = 0;
        boolean prompts = false;
        for (KvView.Sequence sequence : kv.sequences()) {
            double queries = sequence.queries();
            // Query i of m over T tokens sees T - m + i + 1 of them.
            pairs += queries * (sequence.tokens() - queries) + queries * (queries + 1) / 2;
            tokens += sequence.tokens();
            prompts |= sequence.queries() > 1;
        }
        begin();
        ops.attend(out, q, kv, heads, scale);
        end(
                prompts ? "attend" : "attend, one query",
                q.rows(),
                4 * pairs * heads.queryColumns(),
                out.bytes() + q.bytes() + tokens * tokenBytes(kv));
    }

    /** Bytes of a token's keys and values in one layer. */
    private static double tokenBytes(KvView kv) {
        return (double) kv.pool().slotBytes() / kv.pool().block();
    }

    @Override
    public void scoreBlocks(Tensor scores, Tensor window, KvView kv, HeadLayout heads, float scale, PruneShape shape) {
        begin();
        ops.scoreBlocks(scores, window, kv, heads, scale, shape);
        double units = (double) shape.liveTokens() / shape.unit();
        end(
                "scoreBlocks",
                shape.liveTokens(),
                2.0 * window.rows() * heads.queryColumns() * units,
                // Keys alone are read.
                shape.liveTokens() * tokenBytes(kv) / 2);
    }

    @Override
    public void selectBlocks(Tensor kept, Tensor scores, PruneShape shape) {
        begin();
        ops.selectBlocks(kept, scores, shape);
        end("selectBlocks", shape.liveBlocks(), 0, 4.0 * (shape.liveBlocks() + shape.keptBlocks()));
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        begin();
        ops.argmax(ids, logits);
        end("argmax", logits.rows(), 0, logits.bytes() + 4.0 * logits.rows());
    }

    @Override
    public void keepRows(Tensor out, Tensor in, Tensor kept, PruneShape shape) {
        begin();
        ops.keepRows(out, in, kept, shape);
        end(
                "keepRows",
                shape.keptTokens(),
                0,
                2.0 * shape.keptTokens() * in.columns() * in.dtype().bytes());
    }

    @Override
    public void copy(Tensor to, Tensor from) {
        begin();
        ops.copy(to, from);
        end("copy", from.rows(), 0, 2.0 * from.bytes());
    }

    /** Its time is how long compute stood still for a copy. */
    @Override
    public void await(Fence fence) {
        begin();
        ops.await(fence);
        end("await", 0, 0, 0);
    }

    @Override
    public void read(Readback to, Tensor from) {
        begin();
        ops.read(to, from);
        end("read", from.rows(), 0, from.bytes());
    }

    private void begin() {
        spans.begin(Queue.COMPUTE);
    }

    private void end(String operation, long rows, double flops, double bytes) {
        spans.end(Queue.COMPUTE, operation, rows, flops, bytes);
    }
}
