package io.sliminfer.engine;

import io.sliminfer.kv.KvCacheManager;
import io.sliminfer.kv.KvSequence;
import io.sliminfer.kv.KvTransfers;
import io.sliminfer.kv.PrefixQuery;
import io.sliminfer.model.DecodeRows;
import io.sliminfer.model.PromptRows;
import io.sliminfer.prune.PrunePlan;
import io.sliminfer.prune.PruneShape;
import java.util.List;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One request's KV cache as the forward pass sees it: slot tables of each layer, and in decode the part of them that is active.
 * The {@link KvCacheManager} knows slots of blocks, this class which blocks a layer reads. Engine thread only.
 */
final class SequenceCache implements PromptRows.Cache, DecodeRows.Cache {

    private final IntSupplier generated;
    private final int[] stageOfLayer;
    private final int slotBlock;
    private final int slotsPerBlock;
    private final PrefixQuery query;
    private final int maxTokens;
    private final SwapPolicy swapPolicy;
    /** Active blocks of each stage that has a decode budget. */
    private final @Nullable ActiveBlocks[] active;
    /** For each stage with a decode budget, ranks of its live blocks in the stage before. */
    private final int[][] candidates;
    /** Slots that decode attends to in each layer, and the table that they were taken from. */
    private final int[][] attended;

    private final int[][] attendedOf;

    private PrunePlan plan;
    private KvSequence.Need need;
    private @Nullable KvCacheManager manager;
    private @Nullable KvSequence blocks;

    /**
     * @param request   what runs
     * @param generated tokens generated so far
     */
    SequenceCache(
            PrunePlan plan,
            GenerationRequest request,
            int layers,
            int slotBlock,
            SwapPolicy swapPolicy,
            IntSupplier generated) {
        this.plan = plan;
        this.query = query(plan, request);
        this.generated = generated;
        this.slotBlock = slotBlock;
        this.slotsPerBlock = plan.schedule().block() / slotBlock;
        this.maxTokens = request.maxTokens();
        this.swapPolicy = swapPolicy;
        this.stageOfLayer = new int[layers];
        for (int layer = 0; layer < layers; layer++) {
            stageOfLayer[layer] = plan.stages().indexOf(plan.stageOf(layer));
        }
        this.active = new ActiveBlocks[plan.stages().size()];
        this.need = follow(plan);
        this.candidates = new int[active.length][];
        this.attended = new int[layers][];
        this.attendedOf = new int[layers][];
    }

    /** Sets the active blocks' sizes after a plan; gives what the request needs at most after it. */
    private KvSequence.Need follow(PrunePlan of) {
        int[] promptTokens = new int[stageOfLayer.length];
        int[] tokensMax = new int[stageOfLayer.length];
        for (int layer = 0; layer < promptTokens.length; layer++) {
            promptTokens[layer] = of.stages().get(stageOfLayer[layer]).liveTokens();
            // The last generated token is never stored.
            tokensMax[layer] = Math.addExact(promptTokens[layer], maxTokens - 1);
        }
        for (int stage = 0; stage < active.length; stage++) {
            PruneShape shape = of.stages().get(stage).decode();
            active[stage] = shape == null ? null : new ActiveBlocks(shape, swapPolicy);
        }
        return new KvSequence.Need(promptTokens, tokensMax);
    }

    /** What the prompt may share with others: the window must run, because its queries score, and a dense prompt's last token. */
    private static PrefixQuery query(PrunePlan plan, GenerationRequest request) {
        int[] prompt = request.prompt();
        int layers = plan.wholeLayers();
        int mustRun = plan.prunes() ? Math.min(plan.schedule().window(), prompt.length) : 1;
        return new PrefixQuery(
                prompt,
                layers,
                plan.prunes() ? layers - 1 : PrefixQuery.DENSE,
                request.prefixReuse() ? prompt.length - mustRun : 0);
    }

    /** The plan that holds: while decisions by mass are to be made, with their ceilings. */
    PrunePlan plan() {
        return plan;
    }

    /** What the request needs at most. */
    KvSequence.Need need() {
        return need;
    }

    /** Slots of all layers at full length. */
    long slotsNeeded() {
        return need.slots(slotBlock);
    }

    boolean isAdmitted() {
        return blocks != null;
    }

    /**
     * Sets memory aside.
     *
     * @return false if the request must wait
     */
    boolean tryAdmit(KvCacheManager from) {
        manager = from;
        blocks = from.tryAdmit(need, query);
        return blocks != null;
    }

    /** Gives everything back, if there is anything. */
    void release() {
        if (manager != null && blocks != null) {
            manager.release(blocks);
        }
        blocks = null;
    }

    KvSequence blocks() {
        if (blocks == null) {
            throw new IllegalStateException("a request that has no memory was to run");
        }
        return blocks;
    }

    private KvCacheManager manager() {
        if (manager == null) {
            throw new IllegalStateException("a request that has no memory was to run");
        }
        return manager;
    }

    /** Whether a copy of one of its blocks has failed. */
    boolean failed() {
        return blocks != null && manager().failed(blocks);
    }

    KvTransfers transfers() {
        return blocks == null ? KvTransfers.NONE : blocks.transfers();
    }

    @Override
    public int[] begin(int layer) {
        manager().beginPrefill(blocks(), layer);
        return blocks().table(layer);
    }

    @Override
    public void stored(int layer) {
        manager().endPrefill(blocks(), layer);
        if (query.hiddenLayer() == PrefixQuery.DENSE && layer == query.layers() - 1) {
            manager().share(blocks());
        }
    }

    @Override
    public int cachedTokens() {
        return blocks == null ? 0 : blocks.cachedTokens();
    }

    @Override
    public int[] hiddenSlots() {
        return manager().hiddenSlots(blocks());
    }

    @Override
    public int[] takeHiddenSlots() {
        return manager().takeHiddenSlots(blocks());
    }

    @Override
    public void hiddenStored() {
        manager().share(blocks());
    }

    /** Slots that the ceiling would have taken are free for others at once. Decode has not begun, so no active block is known yet. */
    @Override
    public void decided(PrunePlan now) {
        plan = now;
        need = follow(now);
        manager().shrink(blocks(), need);
    }

    /** The prefill is done: it is known which blocks each stage kept, so decode can choose among them. */
    void prefilled(List<List<Integer>> kept) {
        for (int stage = 1; stage < active.length; stage++) {
            if (active[stage] != null) {
                candidates[stage] = ActiveBlocks.ranksIn(kept.get(stage - 1), kept.get(stage));
                int chooser = plan.stages().get(stage).firstLayer() - 1;
                manager().score(blocks(), chooser, slotIndexes(candidates[stage], chooser));
            }
        }
    }

    /** Indexes in a layer's slot table of the prompt blocks with these ranks. */
    private int[] slotIndexes(int[] ranks, int layer) {
        int slots = (need.promptTokens()[layer] + slotBlock - 1) / slotBlock;
        int[] indexes = new int[ranks.length * slotsPerBlock];
        int count = 0;
        for (int rank : ranks) {
            for (int i = rank * slotsPerBlock; i < Math.min(slots, (rank + 1) * slotsPerBlock); i++) {
                indexes[count++] = i;
            }
        }
        return java.util.Arrays.copyOf(indexes, count);
    }

    /** Tokens in the layer's table, active or not, the one that passes now included. */
    int storedTokens(int layer) {
        return need.promptTokens()[layer] + generated.getAsInt();
    }

    @Override
    public int[] slots(int layer) {
        int[] table = blocks().table(layer);
        ActiveBlocks of = active[stageOfLayer[layer]];
        if (of == null || of.ranks().length == 0) {
            return table;
        }
        if (attendedOf[layer] != table) {
            attended[layer] = ActiveBlocks.slotsOf(table, of.ranks(), slotsPerBlock);
            attendedOf[layer] = table;
        }
        return attended[layer];
    }

    /** Prompt tokens active in the layer, and all generated tokens up to the one that passes now. */
    @Override
    public int tokens(int layer) {
        return plan.stages().get(stageOfLayer[layer]).activeTokens() + generated.getAsInt();
    }

    @Override
    public @Nullable PruneShape choice(int layer) {
        int stage = stageOfLayer[layer];
        boolean chooses = layer == plan.stages().get(stage).lastLayer() && stage + 1 < active.length;
        ActiveBlocks next = chooses ? active[stage + 1] : null;
        return next == null ? null : next.shape();
    }

    @Override
    public int[] candidates(int layer) {
        return ActiveBlocks.slotsOf(blocks().table(layer), candidates[stageOfLayer[layer] + 1], slotsPerBlock);
    }

    @Override
    public void want(int layer, int[] ranks) {
        int next = stageOfLayer[layer] + 1;
        ActiveBlocks of = active[next];
        if (of == null) {
            throw new IllegalStateException("layer " + layer + " chooses blocks for a stage without a decode budget");
        }
        if (of.want(ranks)) {
            PrunePlan.Stage stage = plan.stages().get(next);
            manager()
                    .activate(
                            blocks(),
                            stage.firstLayer(),
                            stage.lastLayer(),
                            slotIndexes(of.ranks(), stage.firstLayer()));
            for (int follower = stage.firstLayer(); follower <= stage.lastLayer(); follower++) {
                attendedOf[follower] = null;
            }
        }
    }

    /** Active blocks of a stage, or null if all its live blocks are. */
    @Nullable
    ActiveBlocks active(int stage) {
        return active[stage];
    }
}
