package io.sliminfer.model;

import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.prune.PruneShape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One new token of each of several sequences. At a layer that chooses active blocks for the next stage, the choices of all
 * sequences lie one after the other in one tensor and come back in one copy.
 */
public final class DecodeRows implements Rows {

    /** A sequence's cache, this step's token included. */
    public interface Cache {

        /** Slots that the layer attends to: those of the active prompt blocks and, after them, of the generated tokens. */
        int[] slots(int layer);

        /** Tokens in those slots. */
        int tokens(int layer);

        /** How the layer chooses active blocks among the live ones of the next stage, or null if all of them are active. */
        @Nullable
        PruneShape choice(int layer);

        /** Slots in this layer of the next stage's live blocks, one block after the other: what a choice scores. */
        int[] candidates(int layer);

        /** Takes the ranks, ascending, that a choice of the layer wants; from here on the next stage's slots follow them. */
        void want(int layer, int[] ranks);
    }

    /** Keeps what a step reads on the device. */
    public interface Residence {

        /** The caches' slots of the layer are on the device afterwards, those of the new tokens among them. */
        void begin(int layer);

        /** The new tokens are stored in the layer, and it was attended to. */
        void stored(int layer);
    }

    private final KvPool pool;
    private final Residence residence;
    private final List<? extends Cache> caches;
    private final Tensor x;
    private final Tensor positions;
    private final Tensor wanted;
    private final Readback landing;

    /**
     * @param wanted  int32, with room for the choices of all sequences at one layer
     * @param landing the same on the host
     */
    public DecodeRows(
            KvPool pool,
            Residence residence,
            List<? extends Cache> caches,
            Tensor x,
            Tensor positions,
            Tensor wanted,
            Readback landing) {
        this.pool = pool;
        this.residence = residence;
        this.caches = caches;
        this.x = x.rows(0, caches.size());
        this.positions = positions.rows(0, caches.size());
        this.wanted = wanted;
        this.landing = landing;
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
    public int first() {
        return 0;
    }

    @Override
    public int count() {
        return caches.size();
    }

    @Override
    public void begin(int layer) {
        residence.begin(layer);
    }

    @Override
    public void stored(int layer) {
        residence.stored(layer);
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

    /** What the i-th sequence chooses at this layer, or null. */
    @Nullable
    PruneShape choice(int layer, int i) {
        return caches.get(i).choice(layer);
    }

    /** Whether any sequence chooses at this layer, so that the next layer has to wait for the host. */
    public boolean chooses(int layer) {
        for (int i = 0; i < count(); i++) {
            if (choice(layer, i) != null) {
                return true;
            }
        }
        return false;
    }

    /** The prompt tokens of the next stage's live blocks, as this layer's cache holds them. */
    KvView candidates(int layer, int i, PruneShape choice) {
        return KvView.of(pool, new KvView.Sequence(caches.get(i).candidates(layer), choice.liveTokens(), 1));
    }

    /** Where a choice of {@code count} blocks goes that follows {@code from} blocks of others. */
    Tensor wanted(int from, int count) {
        return wanted.rows(from, from + count);
    }

    /** Enqueues the copy of a layer's choices, {@code count} blocks in all, to the host. */
    void read(Ops ops, int count) {
        ops.read(landing, wanted.rows(0, count));
    }

    /** Waits for what the layer chose, if it chooses, and hands it to the sequences: call it before the next layer. */
    public void follow(int layer) {
        int from = 0;
        for (int i = 0; i < count(); i++) {
            PruneShape choice = choice(layer, i);
            if (choice == null) {
                continue;
            }
            if (from == 0) {
                landing.join();
            }
            int[] ranks = new int[choice.keptBlocks()];
            for (int r = 0; r < ranks.length; r++) {
                ranks[r] = landing.getInt(from + r);
            }
            from += ranks.length;
            caches.get(i).want(layer, ranks);
        }
    }
}
