package io.sliminfer.model;

import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.Tensor;
import io.sliminfer.prune.PruneShape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One new token of each of several sequences. */
public final class DecodeRows implements Rows {

    /** A sequence's cache, this step's token included. */
    public interface Cache {
        int[] slots(int layer);

        int tokens(int layer);
    }

    private final KvPool pool;
    private final List<? extends Cache> caches;
    private final Tensor x;
    private final Tensor positions;

    public DecodeRows(KvPool pool, List<? extends Cache> caches, Tensor x, Tensor positions) {
        this.pool = pool;
        this.caches = caches;
        this.x = x.rows(0, caches.size());
        this.positions = positions.rows(0, caches.size());
    }

    @Override
    public Tensor x() {
        return x;
    }

    @Override
    public Tensor positions() {
        return positions;
    }

    @Override
    public int count() {
        return caches.size();
    }

    @Override
    public KvView kv(int layer, int from, int to) {
        List<KvView.Sequence> sequences = new ArrayList<>(to - from);
        for (int i = from; i < to; i++) {
            Cache cache = caches.get(i);
            sequences.add(new KvView.Sequence(cache.slots(layer), cache.tokens(layer), 1));
        }
        return new KvView(pool, sequences);
    }

    @Override
    public @Nullable PruneShape decision(int layer) {
        return null;
    }

    @Override
    public int tileEnd(int from) {
        return count();
    }

    @Override
    public int firstOutput() {
        return 0;
    }

    @Override
    public void checkpoint() {}
}
