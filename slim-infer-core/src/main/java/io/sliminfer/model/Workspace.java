package io.sliminfer.model;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.prune.PruneSchedule;
import org.jspecify.annotations.Nullable;

/**
 * Memory that passes work in, allocated once. Only the residual stream is as long as the prompt; all else is as long as a tile,
 * because a tile's attention needs nothing but its own queries and the cache, and is shared by all passes.
 */
public final class Workspace {

    private final PromptSpace prompt;
    private final PromptSpace passing;
    private final Tensor ids;
    private final Tensor normed;
    private final Tensor qkv;
    private final Tensor q;
    private final Tensor mlp;
    private final Tensor scores;
    private final Tensor kept;
    private final Backend backend;
    private @Nullable Readback scoresLanding;
    private final int tile;
    private final int blocksMax;

    /**
     * @param tokensMax longest prompt, in tokens
     * @param passing   longest prompt that may be under way besides another, in tokens
     * @param tile      rows of a tile
     */
    public Workspace(Backend backend, ModelConfig config, int tokensMax, int passing, int tile) {
        this.backend = backend;
        this.tile = tile;
        DType compute = backend.info().compute();
        // The last tile takes what would be too few rows for a window of their own.
        int rows = Math.min(tokensMax, tile + PruneSchedule.WINDOW_MAX);
        // Blocks may be as small as one token.
        blocksMax = tokensMax;
        prompt = new PromptSpace(backend, config.hidden(), tokensMax);
        this.passing = new PromptSpace(backend, config.hidden(), passing);
        ids = backend.allocate("token ids", DType.I32, tokensMax, 1);
        normed = backend.allocate("normed hidden states", compute, rows, config.hidden());
        qkv = backend.allocate("q, k, v", DType.F32, rows, config.queryColumns() + 2L * config.kvColumns());
        q = backend.allocate("queries", compute, rows, config.queryColumns());
        mlp = backend.allocate("MLP", compute, rows, config.intermediate());
        scores = backend.allocate("block scores", DType.F32, blocksMax, 1);
        kept = backend.allocate("kept blocks", DType.I32, blocksMax, 1);
    }

    /** Room for a prompt of any length. */
    public PromptSpace prompt() {
        return prompt;
    }

    /** Room for a short prompt that is under way besides another. */
    public PromptSpace passing() {
        return passing;
    }

    /** Ids of one prompt, from where they are embedded; free again after that. */
    public Tensor ids() {
        return ids;
    }

    public int tile() {
        return tile;
    }

    Tensor normed(int rows) {
        return normed.rows(0, rows);
    }

    Tensor qkv(int rows) {
        return qkv.rows(0, rows);
    }

    Tensor q(int rows) {
        return q.rows(0, rows);
    }

    Tensor mlp(int rows) {
        return mlp.rows(0, rows);
    }

    Tensor scores(int blocks) {
        return scores.rows(0, blocks);
    }

    Tensor kept(int blocks) {
        return kept.rows(0, blocks);
    }

    /** The landing place of a decision's scores, which only mass budgets read. */
    Readback scoresLanding() {
        Readback landing = scoresLanding;
        if (landing == null) {
            landing = backend.readback(blocksMax);
            scoresLanding = landing;
        }
        return landing;
    }

    /** Bytes for given sizes, so that they can be compared with what a machine has before anything is allocated. */
    public static long bytes(ModelConfig config, DType compute, long tokensMax, long passing, int tile) {
        long rows = Math.min(tokensMax, tile + PruneSchedule.WINDOW_MAX);
        long row = (long) (config.hidden() + config.queryColumns() + config.intermediate()) * compute.bytes()
                + (config.queryColumns() + 2L * config.kvColumns()) * 4;
        return PromptSpace.bytes(config.hidden(), tokensMax + passing) + tokensMax * 12 + rows * row;
    }
}
