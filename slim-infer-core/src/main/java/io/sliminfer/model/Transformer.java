package io.sliminfer.model;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.prune.PruneShape;

/**
 * A decoder-only transformer: pre-norm, grouped-query attention with RoPE, SwiGLU. Llama, Mistral, Qwen2 and Qwen3 differ by
 * data: biases in the weights, gains for QK-norm, the RoPE table. Engine thread only; nothing here waits for the device but
 * {@link PromptRows#decide}, where a mass budget needs the scores to know how many rows go on.
 */
public final class Transformer {

    private final Ops ops;
    private final ModelWeights weights;
    private final Workspace space;
    private final float epsilon;
    private final float scale;
    private final int lastLayer;

    public Transformer(Backend backend, ModelConfig config, ModelWeights weights, Workspace space) {
        this.ops = backend.ops();
        this.weights = weights;
        this.space = space;
        this.epsilon = config.normEpsilon();
        this.scale = (float) (1 / Math.sqrt(config.headDim()));
        this.lastLayer = config.layers() - 1;
    }

    public int layers() {
        return lastLayer + 1;
    }

    /** Ids to hidden states; ids are int32, one for each row. */
    public void embed(Tensor x, Tensor ids) {
        ops.embed(x, ids, weights.embedding());
    }

    /**
     * One layer for all rows: attention tile by tile (a tile sees itself and what earlier tiles stored), the decision where the
     * plan has one, then the MLP of the rows that are left. After a layer of decode its choices must be followed
     * ({@link DecodeRows#follow}) before the next.
     */
    public void layer(int layer, Rows rows) {
        rows.begin(layer);
        for (int row = rows.first(); row < rows.count(); ) {
            row = attendTile(layer, rows, row);
        }
        attended(layer, rows);
        for (int row = firstMlpRow(layer, rows); row < rows.count(); ) {
            row = mlpTile(layer, rows, row);
        }
    }

    /**
     * Attention of the tile that begins at a row.
     *
     * @return where the next tile begins
     */
    int attendTile(int layer, Rows rows, int from) {
        LayerWeights w = weights.layers().get(layer);
        int to = rows.tileEnd(from);
        Tensor x = rows.x().rows(from, to);
        KvView kv = rows.kv(layer, from, to);
        Tensor normed = space.normed(to - from);
        Tensor qkv = space.qkv(to - from);
        Tensor q = space.q(to - from);
        ops.rmsNorm(normed, x, w.attentionNorm(), epsilon);
        ops.linear(qkv, normed, w.qkv());
        ops.ropeAndStore(q, kv, qkv, w.heads(), rows.positions().rows(from, to));
        PruneShape decision = rows.decision(layer);
        if (decision != null && to == rows.count()) {
            score(layer, decision, (PromptRows) rows, q, kv, w);
        }
        if (rows instanceof DecodeRows decode) {
            choose(layer, decode, q, w);
        }
        int firstOutput = lastRowOnly(layer, rows) ? rows.firstOutput() : rows.first();
        if (to > firstOutput) {
            int skipped = Math.max(0, firstOutput - from);
            Tensor queries = q.rows(skipped, to - from);
            KvView seen = skipped == 0 ? kv : rows.kv(layer, from + skipped, to);
            ops.attend(queries, queries, seen, w.heads(), scale);
            ops.linearAdd(x.rows(skipped, to - from), queries, w.output());
        }
        return to;
    }

    /** All tiles have attended: the layer's decision, where the plan has one, drops rows. */
    void attended(int layer, Rows rows) {
        PruneShape decision = rows.decision(layer);
        rows.stored(layer);
        if (decision != null) {
            keep(layer, decision, (PromptRows) rows);
        }
    }

    /** MLP of the tile that begins at a row; gives where the next one begins. */
    int mlpTile(int layer, Rows rows, int from) {
        int to = rows.tileEnd(from);
        mlp(weights.layers().get(layer), rows.x().rows(from, to));
        return to;
    }

    int firstMlpRow(int layer, Rows rows) {
        return lastRowOnly(layer, rows) ? rows.firstOutput() : rows.first();
    }

    /** Logits are computed for the last position only, so in the last layer only its row goes on after K and V are stored. */
    boolean lastRowOnly(int layer, Rows rows) {
        return layer == lastLayer && rows.decision(layer) == null;
    }

    private void mlp(LayerWeights w, Tensor x) {
        Tensor normed = space.normed((int) x.rows());
        Tensor inner = space.mlp((int) x.rows());
        ops.rmsNorm(normed, x, w.mlpNorm(), epsilon);
        ops.gatedLinear(inner, normed, w.gateUp());
        ops.linearAdd(x, inner, w.down());
    }

    /** Scores blocks by the window's queries, before attention overwrites them (docs/algorithm.md, Prefill 2). */
    private void score(int layer, PruneShape shape, PromptRows rows, Tensor lastTile, KvView kv, LayerWeights w) {
        if (!rows.mayDrop(layer)) {
            return;
        }
        Tensor scores = space.scores(shape.liveBlocks());
        Tensor window = lastTile.rows(lastTile.rows() - shape.window(), lastTile.rows());
        ops.scoreBlocks(scores, window, kv, w.heads(), scale, shape);
        if (rows.decidesByMass(layer)) {
            ops.read(space.scoresLanding(), scores); // on its way while the tile's attention computes
        }
    }

    /** Each sequence's new query alone chooses the blocks that the next stage attends to (docs/algorithm.md, Decode). */
    private void choose(int layer, DecodeRows rows, Tensor q, LayerWeights w) {
        int chosen = 0;
        for (int i = 0; i < rows.count(); i++) {
            PruneShape shape = rows.choice(layer, i);
            if (shape != null) {
                Tensor scores = space.scores(shape.liveBlocks());
                ops.scoreBlocks(scores, q.rows(i, i + 1), rows.candidates(layer, i, shape), w.heads(), scale, shape);
                ops.selectBlocks(rows.wanted(chosen, shape.keptBlocks()), scores, shape);
                chosen += shape.keptBlocks();
            }
        }
        if (chosen > 0) {
            rows.read(ops, chosen);
        }
    }

    /** Drops the rows of blocks that were not chosen; from here on the prompt is shorter. */
    private void keep(int layer, PruneShape planned, PromptRows rows) {
        PruneShape shape = planned;
        if (rows.mayDrop(layer)) {
            rows.complete();
            shape = rows.decidesByMass(layer) ? rows.decide(layer, space.scoresLanding()) : planned;
        }
        if (shape.keepsAll()) {
            rows.keep(shape, null);
            return;
        }
        Tensor kept = space.kept(shape.keptBlocks());
        ops.selectBlocks(kept, space.scores(shape.liveBlocks()), shape);
        ops.keepRows(rows.x().rows(0, shape.keptTokens()), rows.x(), kept, shape);
        ops.keepRows(rows.positions().rows(0, shape.keptTokens()), rows.positions(), kept, shape);
        Readback readback = rows.landing();
        ops.read(readback, kept);
        rows.keep(shape, readback);
    }

    /** Logits, float32 {@code [rows, vocabulary]}, of the given rows of hidden states. */
    public void logits(Tensor logits, Tensor x) {
        Tensor normed = space.normed((int) x.rows());
        ops.rmsNorm(normed, x, weights.norm(), epsilon);
        ops.linear(logits, normed, weights.head());
    }
}
