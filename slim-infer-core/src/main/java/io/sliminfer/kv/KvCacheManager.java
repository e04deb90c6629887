package io.sliminfer.kv;

import io.sliminfer.backend.Copies;
import io.sliminfer.backend.Fence;
import io.sliminfer.backend.HostPool;
import io.sliminfer.backend.KvPool;
import io.sliminfer.backend.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Who holds which block where (docs/kv-cache.md). A request whose blocks all fit keeps them on the device. One that does not fit
 * needs room for a single layer: finished blocks are written back to the host while later layers compute, and are fetched
 * again ahead of the layer that reads them.
 *
 * <p>Layers run in a fixed circle, so the best victim is known: a block whose layer comes last. What a step fetches it fetches for
 * the next layers, and only in place of blocks that are needed later still. Ids and counts only, no tensors. Engine thread only.
 */
public final class KvCacheManager {

    /** In place of a number of hidden slots: no prompt takes anything from an earlier one. */
    public static final int NO_PREFIX_CACHE = -1;

    private final int block;
    private final SlotPool device;
    private final @Nullable HostTiers host;
    private final BlockHolders holders;
    private final @Nullable TransferQueue transfers;
    private final @Nullable PrefixCache prefixes;
    private final DeviceSpace space;
    /** Device slots that moving requests may count on. */
    private long committed;

    private long requests;
    private long hits;
    private long cachedTokens;

    /**
     * @param block          tokens in a slot
     * @param host           what lies behind the device, or null: then a request runs only if all its blocks fit
     * @param hiddenSlots    blocks whose hidden rows the prefix cache has room for, or {@link #NO_PREFIX_CACHE}
     * @param prefetchLayers how many layers ahead blocks are fetched; 0 fetches a block when its layer runs
     * @param await          lets operations enqueued from then on see what a copy brought
     */
    KvCacheManager(
            SlotPool device,
            int block,
            long slotBytes,
            @Nullable HostTiers host,
            int hiddenSlots,
            int prefetchLayers,
            Consumer<Fence> await) {
        this.device = device;
        this.block = block;
        this.host = host;
        this.holders = new BlockHolders(device, host);
        this.transfers = host == null ? null : new TransferQueue(host, device, holders, slotBytes, await);
        this.prefixes =
                hiddenSlots == NO_PREFIX_CACHE ? null : new PrefixCache(block, hiddenSlots, holders, host, transfers);
        this.space = new DeviceSpace(block, device, host, holders, transfers, prefixes, prefetchLayers);
    }

    /**
     * For a device with nothing behind it.
     *
     * @param block       tokens in a slot
     * @param hiddenSlots blocks whose hidden rows the prefix cache has room for: with 0 it serves dense prompts only, and with
     *                    {@link #NO_PREFIX_CACHE} none
     */
    public static KvCacheManager of(int slots, int block, long slotBytes, int hiddenSlots) {
        return new KvCacheManager(new SlotPool(slots), block, slotBytes, null, hiddenSlots, 0, Fence::join);
    }

    /**
     * For a device with host memory, a file or both behind it.
     *
     * @param tiers          faster ones first
     * @param hiddenSlots    as above
     * @param prefetchLayers how many layers ahead blocks are fetched; 0 fetches a block when its layer runs
     * @param await          lets operations enqueued from then on see what a copy brought
     */
    public static KvCacheManager of(
            KvPool pool,
            Copies copies,
            List<HostPool> tiers,
            int hiddenSlots,
            int prefetchLayers,
            Consumer<Fence> await) {
        return new KvCacheManager(
                new SlotPool(pool.slots()),
                pool.block(),
                pool.slotBytes(),
                new HostTiers(copies, pool, tiers),
                hiddenSlots,
                prefetchLayers,
                await);
    }

    /** Leaves what was asked for so far out of {@link #prefixCounts}: the engine's own requests are no user's. */
    public void forgetCounts() {
        requests = 0;
        hits = 0;
        cachedTokens = 0;
    }

    /** Whether blocks may leave the device, so that a layer has to be asked for what it reads. */
    public boolean movesBlocks() {
        return host != null;
    }

    public int deviceSlots() {
        return device.slots();
    }

    public int deviceSlotsUsed() {
        return device.used();
    }

    public int hostSlots() {
        return host == null ? 0 : host.slots();
    }

    public int hostSlotsUsed() {
        return host == null ? 0 : host.used();
    }

    /**
     * Used slots of one of the tiers behind the device.
     *
     * @param tier its place among those that the manager was made with
     */
    public int hostSlotsUsed(int tier) {
        return host == null ? 0 : host.used(tier);
    }

    /** Whether a request could run if it were alone. */
    public boolean canHold(KvSequence.Need need) {
        return need.slots(block) <= device.slots()
                || (host != null && need.slotsMin(block) <= device.slots() && need.slots(block) <= host.slots());
    }

    /** Where the prefix cache stands. */
    public PrefixCounts prefixCounts() {
        return new PrefixCounts(holders.cachedSlots(), requests, hits, cachedTokens);
    }

    /** The prefix cache, or null if there is none. */
    @Nullable
    PrefixCache prefixes() {
        return prefixes;
    }

    /**
     * Sets memory aside for a request, which begins with what earlier prompts have left for it.
     *
     * @return null if it must wait until others end
     */
    public @Nullable KvSequence tryAdmit(KvSequence.Need need, PrefixQuery query) {
        poll();
        space.nextPass();
        List<PrefixNode> path = prefixes == null ? List.of() : prefixes.find(query);
        List<KvBlock> shared = sharedBlocks(path, query.layers());
        long own = need.slots(block) - shared.size();
        long unpinned = shared.stream().filter(next -> next.residents == 0).count();
        long taken = committed + holders.pinned();
        boolean resident = taken + own + unpinned <= device.slots();
        if (!resident) {
            long unreserved = shared.stream().filter(next -> next.movers == 0).count();
            if (host == null || taken + need.slotsMin(block) > device.slots() || own + unreserved > host.unreserved()) {
                return null;
            }
            committed += need.slotsMin(block);
            host.reserve((int) own);
        }
        KvSequence sequence = new KvSequence(need, resident, block, query, path);
        return begin(sequence, shared) ? sequence : null;
    }

    /** Whether it has all that it begins with; a copy of another request's that fails can prevent it. */
    private boolean begin(KvSequence sequence, List<KvBlock> shared) {
        if (prefixes != null) {
            prefixes.hold(sequence.held());
        }
        for (KvBlock next : shared) {
            holders.hold(next, sequence.resident());
            sequence.add(next);
        }
        try {
            if (sequence.resident()) {
                fill(sequence, shared);
            } else {
                space.add(sequence);
                // So that they can leave the device like its own.
                space.save(sequence, in(KvBlock.State.DEVICE, shared));
            }
        } catch (TransferException e) {
            release(sequence);
            return false;
        } catch (RuntimeException e) {
            release(sequence);
            throw e;
        }
        requests++;
        hits += shared.isEmpty() ? 0 : 1;
        cachedTokens += sequence.cachedTokens();
        return true;
    }

    /** Makes all blocks of a resident request, neighbours as far as possible, and brings the shared ones back. */
    private void fill(KvSequence sequence, List<KvBlock> shared) {
        space.fetch(sequence, 0, in(KvBlock.State.HOST, shared), true);
        for (int layer = 0; layer < sequence.layers(); layer++) {
            space.grow(sequence, layer, sequence.need().tokensMax()[layer], 0, true);
        }
    }

    private static List<KvBlock> in(KvBlock.State state, List<KvBlock> blocks) {
        return blocks.stream().filter(next -> next.state() == state).toList();
    }

    /** Layer by layer, so that each block is the next of its layer. */
    private static List<KvBlock> sharedBlocks(List<PrefixNode> path, int layers) {
        List<KvBlock> shared = new ArrayList<>(path.size() * layers);
        for (int layer = 0; layer < layers; layer++) {
            for (PrefixNode node : path) {
                shared.add(node.blocks[layer]);
            }
        }
        return shared;
    }

    /**
     * Makes room for all prompt tokens of a layer, which a prefill is about to store: its table has their slots now, and those of
     * earlier prompts' tokens hold what they stored.
     *
     * @throws io.sliminfer.backend.TransferException if a copy of the request's has failed
     */
    public void beginPrefill(KvSequence sequence, int layer) {
        poll();
        sequence.requireWhole();
        space.nextPass();
        space.fetch(sequence, layer, space.missing(sequence, layer), false);
        space.grow(sequence, layer, sequence.need().promptTokens()[layer], 0, true);
        space.await(sequence, layer);
        sequence.forgetTable(layer);
        if (layer + 1 < sequence.query().layers() && sequence.cachedTokens() > 0) {
            space.prefetch(List.of(sequence), layer);
        }
    }

    /**
     * A request will need less than it was admitted for, because layers that have not begun hold fewer prompt tokens: what was set
     * aside for more is free at once. Nothing on the device uses those slots, since no operation of theirs was enqueued.
     *
     * @throws IllegalStateException if a layer needs more, or has stored what it was to give back
     */
    public void shrink(KvSequence sequence, KvSequence.Need need) {
        KvSequence.Need before = sequence.need();
        for (KvBlock beyond : sequence.shrink(need)) {
            holders.letGo(beyond, sequence.resident());
        }
        if (!sequence.resident()) {
            committed -= before.slotsMin(block) - need.slotsMin(block);
            if (host != null) {
                // Blocks of layers to come are not there yet; their places on the host are.
                host.unreserve((int) (before.slots(block) - need.slots(block)));
            }
        }
    }

    /** Places of the hidden rows of {@link KvSequence#cachedTokens}, one for each block; none for a dense prompt. */
    public int[] hiddenSlots(KvSequence sequence) {
        boolean pruned = sequence.query().hiddenLayer() != PrefixQuery.DENSE;
        return sequence.held().stream()
                .limit(pruned ? sequence.cachedBlocks() : 0)
                .mapToInt(node -> node.hiddenSlot)
                .toArray();
    }

    /**
     * Finds places for the hidden rows of a prompt's other full blocks.
     *
     * @return one for each block behind the cached ones; -1 where they are there already or have no room
     */
    public int[] takeHiddenSlots(KvSequence sequence) {
        if (prefixes == null) {
            return new int[0];
        }
        sequence.hiddenPlaces(prefixes.takeHidden(sequence.query(), sequence.held()));
        return sequence.hiddenPlaces();
    }

    /**
     * Leaves a prompt's full blocks to later prompts: the layers of its query have stored theirs, and hidden rows are where
     * {@link #takeHiddenSlots} said.
     */
    public void share(KvSequence sequence) {
        if (prefixes != null) {
            prefixes.add(sequence.query(), sequence, sequence.cachedBlocks(), sequence.hiddenPlaces());
            endPrefix(sequence);
        }
    }

    /** The prefill needs no more of the prefix cache than blocks, which it holds. */
    private void endPrefix(KvSequence sequence) {
        if (prefixes != null) {
            prefixes.giveHidden(sequence.hiddenPlaces());
            sequence.hiddenPlaces(new int[0]);
            prefixes.letGo(sequence.held());
            sequence.held().clear();
        }
    }

    /** The layer's prompt tokens are stored: what is full starts on its way to the host. */
    public void endPrefill(KvSequence sequence, int layer) {
        space.seal(sequence, layer, sequence.need().promptTokens()[layer]);
        if (layer == sequence.layers() - 1) {
            space.prefetch(List.of(sequence), layer);
        }
    }

    /**
     * Says which prompt blocks the layers of a stage read from the next step on. All blocks are active until then.
     *
     * @param blocks indexes in the layers' tables, ascending; blocks behind the prompt's need not be named
     */
    public void activate(KvSequence sequence, int firstLayer, int lastLayer, int[] blocks) {
        for (int layer = firstLayer; layer <= lastLayer; layer++) {
            sequence.activate(layer, blocks);
        }
    }

    /** Says which prompt blocks a layer reads besides its active ones, to choose the next stage's among them. */
    public void score(KvSequence sequence, int layer, int[] blocks) {
        sequence.score(layer, blocks);
    }

    /**
     * Brings what a layer reads in a decode step to the device, and begins to fetch what the next layers read. The sequences' tables
     * of the layer are valid until the next call.
     *
     * @param tokens tokens of each sequence in this layer, the one that is about to be stored included
     * @throws io.sliminfer.backend.TransferException if a copy has failed; {@link #failed} tells whose
     */
    public void beginDecode(List<KvSequence> sequences, int layer, int[] tokens) {
        poll();
        space.nextPass();
        List<List<KvBlock>> missing = new ArrayList<>(sequences.size());
        for (KvSequence sequence : sequences) {
            sequence.requireWhole();
            missing.add(sequence.resident() ? List.of() : space.missing(sequence, layer));
            DeviceSpace.count(sequence, layer);
        }
        for (int i = 0; i < missing.size(); i++) {
            space.fetch(sequences.get(i), layer, missing.get(i), false);
        }
        for (int i = 0; i < sequences.size(); i++) {
            KvSequence sequence = sequences.get(i);
            if (!sequence.resident()) {
                space.grow(sequence, layer, tokens[i], layer, false);
                space.await(sequence, layer);
                sequence.forgetTable(layer);
            }
        }
        space.prefetch(sequences, layer);
    }

    /** The step's token is stored in the layer. */
    public void endDecode(KvSequence sequence, int layer, int tokens) {
        space.seal(sequence, layer, tokens);
    }

    /** Whether a copy of one of its blocks has failed, so that it cannot go on. */
    public boolean failed(KvSequence sequence) {
        return sequence.failed();
    }

    /** Gives everything back; slots that a copy is using follow when it has ended. */
    public void release(KvSequence sequence) {
        sequence.end();
        endPrefix(sequence);
        if (!sequence.resident()) {
            space.remove(sequence);
            committed -= sequence.need().slotsMin(block);
            if (host != null) {
                host.unreserve((int) sequence.need().slots(block) - sequence.total());
            }
        }
        for (int layer = 0; layer < sequence.layers(); layer++) {
            for (int i = 0; i < sequence.count(layer); i++) {
                holders.letGo(sequence.block(layer, i), sequence.resident());
            }
        }
    }

    /** Takes note of copies that have ended. Never waits. */
    public void poll() {
        if (transfers != null) {
            transfers.poll();
        }
    }

    /** Waits for all copies: nothing may use the pools afterwards. */
    public void drain() {
        if (transfers != null) {
            transfers.joinAll();
        }
    }
}
