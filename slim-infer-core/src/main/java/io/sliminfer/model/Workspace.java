package io.sliminfer.model;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.format.DType;
import io.sliminfer.format.ModelConfig;
import io.sliminfer.prune.PruneSchedule;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Memory that a pass works in, allocated once. Only the residual stream is as long as the prompt; all else is as long as a tile,
 * because a tile's attention needs nothing but its own queries and the cache.
 */
public final class Workspace {

    private final Tensor x;
    private final Tensor positions;
    private final Tensor ids;
    private final Tensor normed;
    private final Tensor qkv;
    private final Tensor q;
    private final Tensor mlp;
    private final Tensor scores;
    private final Tensor kept;
    private final Backend backend;
    private final List<Readback> decisions = new ArrayList<>();
    private @Nullable Readback scoresLanding;
    private final int tile;
    private final int blocksMax;

    /**
     * @param tokensMax longest prompt, in tokens
     * @param tile      rows of a tile
     */
    public Workspace(Backend backend, ModelConfig config, int tokensMax, int tile) {
        this.backend = backend;
        this.tile = tile;
        DType compute = backend.info().compute();
        // The last tile takes what would be too few rows for a window of their own.
        int rows = Math.min(tokensMax, tile + PruneSchedule.WINDOW_MAX);
        // Blocks may be as small as one token.
        blocksMax = tokensMax;
        x = backend.allocate("hidden states", DType.F32, tokensMax, config.hidden());
        positions = backend.allocate("positions", DType.I32, tokensMax, 1);
        ids = backend.allocate("token ids", DType.I32, tokensMax, 1);
        normed = backend.allocate("normed hidden states", compute, rows, config.hidden());
        qkv = backend.allocate("q, k, v", DType.F32, rows, config.queryColumns() + 2L * config.kvColumns());
        q = backend.allocate("queries", compute, rows, config.queryColumns());
        mlp = backend.allocate("MLP", compute, rows, config.intermediate());
        scores = backend.allocate("block scores", DType.F32, blocksMax, 1);
        kept = backend.allocate("kept blocks", DType.I32, blocksMax, 1);
    }

    public Tensor x() {
        return x;
    }

    public Tensor positions() {
        return positions;
    }

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

    /**
     * The landing place of a prompt's i-th decision, valid until the next prompt's. Made when a prompt first has so many and then
     * reused: on a device it is pinned memory, which is slow to come by.
     */
    Readback decision(int i) {
        while (decisions.size() <= i) {
            decisions.add(backend.readback(blocksMax));
        }
        return decisions.get(i);
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
    public static long bytes(ModelConfig config, DType compute, long tokensMax, int tile) {
        long rows = Math.min(tokensMax, tile + PruneSchedule.WINDOW_MAX);
        long row = (long) (config.hidden() + config.queryColumns() + config.intermediate()) * compute.bytes()
                + (config.queryColumns() + 2L * config.kvColumns()) * 4;
        return tokensMax * (config.hidden() * 4L + 16) + rows * row;
    }
}
