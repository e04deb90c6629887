package io.sliminfer.model;

import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.KvView;
import io.sliminfer.backend.Readback;
import io.sliminfer.backend.Tensor;
import io.sliminfer.prune.MassCount;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A prompt on its way through the layers. After a decision it has fewer rows, in the same order. With a fixed budget their number is
 * known beforehand; with a mass budget it follows from the scores, for which {@link #decide} waits. Which they are is read back for the
 * report.
 */
public final class PromptRows implements Rows {

    /** A prompt's place in the KV cache. */
    public interface Cache {

        /** Slot table of a layer, large enough for its live tokens; called once, before the layer stores anything. */
        int[] begin(int layer);

        /** The layer has stored all its live tokens and attended to them. */
        void stored(int layer);

        /** Tokens at the front of the prompt whose keys and values the layers up to the first that prunes have already; not all. */
        int cachedTokens();

        /** Places of the hidden rows of those tokens, one a block, in {@link HiddenRows}. */
        int[] hiddenSlots();

        /** Places for the hidden rows of the full blocks behind them; -1 for one that is not wanted. Asked for when they are known. */
        int[] takeHiddenSlots();

        /** Hidden rows are where {@link #takeHiddenSlots} said. */
        void hiddenStored();

        /** A decision with a mass budget was made: this plan holds from here on, and later layers need no more than it says. */
        void decided(PrunePlan plan);
    }

    private final KvPool pool;
    private final Cache cache;
    private final PromptSpace space;
    private final int tile;
    private final List<@Nullable Readback> decisions = new ArrayList<>();
    private final @Nullable HiddenRows hidden;
    private PrunePlan plan;
    private boolean whole = true;
    private int first;
    private int count;
    private int[] slots = {};

    /**
     * @param cache      the prompt's place in the KV cache
     * @param space      room for at least the prompt's tokens; x has those that are not cached, and in row i of positions is i
     * @param tile       rows of a tile
     * @param hidden     where the cache's hidden slots are, or null if it never names any
     */
    public PromptRows(
            PrunePlan plan, KvPool pool, Cache cache, PromptSpace space, int tile, @Nullable HiddenRows hidden) {
        this.plan = plan;
        this.pool = pool;
        this.cache = cache;
        this.space = space;
        this.tile = tile;
        this.hidden = hidden;
        this.first = cache.cachedTokens();
        this.count = plan.promptTokens();
    }

    @Override
    public Tensor x() {
        return space.x().rows(0, count);
    }

    @Override
    public Tensor positions() {
        return space.positions().rows(0, count);
    }

    @Override
    public int first() {
        return first;
    }

    @Override
    public int count() {
        return count;
    }

    @Override
    public void begin(int layer) {
        slots = cache.begin(layer);
    }

    @Override
    public void stored(int layer) {
        cache.stored(layer);
    }

    @Override
    public KvView kv(int layer, int from, int to) {
        return KvView.of(pool, new KvView.Sequence(slots, to, to - from));
    }

    @Override
    public @Nullable PruneShape decision(int layer) {
        PrunePlan.Stage stage = plan.stageOf(layer);
        return stage.lastLayer() == layer ? stage.decision() : null;
    }

    /** Whether the layer's decision drops blocks, or may: then it needs their scores. */
    boolean mayDrop(int layer) {
        PrunePlan.Stage stage = plan.stageOf(layer);
        return stage.lastLayer() == layer && stage.mayDrop();
    }

    /** Whether the number of blocks that the layer keeps is still to be decided by their scores. */
    boolean decidesByMass(int layer) {
        PrunePlan.Stage stage = plan.stageOf(layer);
        return stage.lastLayer() == layer && stage.mass() != null;
    }

    /**
     * Decides how many blocks the layer keeps; the plan and the cache follow. Waits for the scores: the one place where a prefill waits
     * for the device.
     *
     * @param scores where the copy of all live blocks' scores was sent
     * @return the decision's shape
     */
    PruneShape decide(int layer, Readback scores) {
        PrunePlan.Stage stage = plan.stageOf(layer);
        PruneShape most = stage.decision();
        MassCount mass = stage.mass();
        if (most == null || mass == null) {
            throw new IllegalStateException("layer " + layer + " has no mass to count");
        }
        float[] ofCandidates = new float[most.candidates()];
        scores.join();
        scores.get(most.headBlocks(), ofCandidates, ofCandidates.length);
        plan = plan.decided(layer, mass.of(ofCandidates));
        cache.decided(plan);
        return Objects.requireNonNull(plan.stageOf(layer).decision());
    }

    /** Where the next decision's choice lands. */
    Readback landing() {
        return space.decision(decisions.size());
    }

    /** Tiles end at the same rows wherever they begin, so that a cached prefix changes no product's rows but the first tile's. */
    @Override
    public int tileEnd(int from) {
        int window = Math.min(plan.schedule().window(), plan.promptTokens());
        int start = from / tile * tile;
        return count - start < tile + window ? count : start + tile;
    }

    @Override
    public int firstOutput() {
        return count - 1;
    }

    /**
     * Called before the first decision that drops rows or could have: those of cached tokens, which did not pass the layers so far, join in, and
     * those of full blocks are kept for other prompts.
     */
    void complete() {
        if (!whole) {
            return;
        }
        whole = false;
        if (hidden != null) {
            hidden.load(space.x(), cache.hiddenSlots());
            hidden.save(space.x(), first, cache.takeHiddenSlots());
            cache.hiddenStored();
        }
        first = 0;
    }

    /** Called after a decision: the rows that stay have moved to the front. */
    void keep(PruneShape shape, @Nullable Readback kept) {
        count = shape.keptTokens();
        decisions.add(kept);
    }

    /** Blocks live in each stage, as block indexes; waits for the decisions. */
    public List<List<Integer>> keptBlocks() {
        List<List<Integer>> stages = new ArrayList<>();
        List<Integer> live = new ArrayList<>();
        for (int i = 0; i < plan.stages().get(0).liveBlocks(); i++) {
            live.add(i);
        }
        stages.add(List.copyOf(live));
        for (int i = 0; i < decisions.size(); i++) {
            PruneShape shape = plan.stages().get(i).decision();
            Readback ranks = decisions.get(i);
            if (shape != null && ranks != null) {
                ranks.join();
                List<Integer> kept = new ArrayList<>();
                for (int r = 0; r < shape.keptBlocks(); r++) {
                    kept.add(live.get(ranks.getInt(r)));
                }
                live = kept;
            }
            stages.add(List.copyOf(live));
        }
        return stages;
    }
}
