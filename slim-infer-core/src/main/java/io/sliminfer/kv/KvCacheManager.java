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
    private final long slotBytes;
    private final SlotPool device;
    private final @Nullable HostTiers host;
    private final BlockHolders holders;
    private final @Nullable TransferQueue transfers;
    private final @Nullable PrefixCache prefixes;
    private final int prefetchLayers;
    /** Requests whose blocks may leave the device, oldest first. */
    private final List<KvSequence> moving = new ArrayList<>();
    /** Device slots that moving requests may count on. */
    private long committed;
    /** Passes of a layer so far; what the latest one reads is not evicted. */
    private long pass;

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
        this.slotBytes = slotBytes;
        this.host = host;
        this.prefetchLayers = prefetchLayers;
        this.holders = new BlockHolders(device, host);
        this.transfers = host == null ? null : new TransferQueue(host, device, holders, slotBytes, await);
        this.prefixes =
                hiddenSlots == NO_PREFIX_CACHE ? null : new PrefixCache(block, hiddenSlots, holders, host, transfers);
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

    /** Tokens in a slot. */
    public int block() {
        return block;
    }

    /** Bytes of a slot on the device, and of one on the host. */
    public long slotBytes() {
        return slotBytes;
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
        pass++;
        List<PrefixNode> path = prefixes == null ? List.of() : prefixes.find(query);
        List<KvBlock> shared = sharedBlocks(path, query.layers());
        long own = need.slots(block) - shared.size();
        long unpinned = shared.stream().filter(next -> next.residents == 0).count();
        if (committed + holders.pinned() + own + unpinned <= device.slots()) {
            KvSequence sequence = new KvSequence(need, true, block, query, path);
            begin(sequence, shared);
            fill(sequence, shared);
            return sequence;
        }
        long slotsMin = need.slotsMin(block);
        long unreserved = shared.stream().filter(next -> next.movers == 0).count();
        if (host != null
                && committed + holders.pinned() + slotsMin <= device.slots()
                && own + unreserved <= host.unreserved()) {
            committed += slotsMin;
            host.reserve((int) own);
            KvSequence sequence = new KvSequence(need, false, block, query, path);
            moving.add(sequence);
            begin(sequence, shared);
            save(
                    sequence,
                    shared.stream()
                            .filter(next -> next.state() == KvBlock.State.DEVICE)
                            .toList());
            return sequence;
        }
        return null;
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

    private void begin(KvSequence sequence, List<KvBlock> shared) {
        if (prefixes != null) {
            prefixes.hold(sequence.held());
        }
        for (KvBlock next : shared) {
            holders.hold(next, sequence.resident());
            sequence.add(next);
        }
        requests++;
        hits += shared.isEmpty() ? 0 : 1;
        cachedTokens += sequence.cachedTokens();
    }

    /** Makes all blocks of a resident request, neighbours as far as possible, and brings the shared ones back. */
    private void fill(KvSequence sequence, List<KvBlock> shared) {
        List<KvBlock> missing = shared.stream()
                .filter(next -> next.state() == KvBlock.State.HOST)
                .toList();
        try {
            if (!missing.isEmpty()) {
                requireTransfers().toDevice(sequence, missing, acquire(sequence, missing.size(), 0, true));
            }
            for (int layer = 0; layer < sequence.layers(); layer++) {
                grow(sequence, layer, sequence.need().tokensMax()[layer], 0, true);
            }
        } catch (RuntimeException e) {
            release(sequence);
            throw e;
        }
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
        pass++;
        fetch(sequence, layer, missing(sequence, layer));
        grow(sequence, layer, sequence.need().promptTokens()[layer], 0, true);
        await(sequence, layer);
        sequence.forgetTable(layer);
        if (layer + 1 < sequence.query().layers() && sequence.cachedTokens() > 0) {
            prefetch(List.of(sequence), layer);
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
        seal(sequence, layer, sequence.need().promptTokens()[layer]);
        if (layer == sequence.layers() - 1) {
            prefetch(List.of(sequence), layer);
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
        pass++;
        List<List<KvBlock>> missing = new ArrayList<>(sequences.size());
        for (KvSequence sequence : sequences) {
            sequence.requireWhole();
            missing.add(sequence.resident() ? List.of() : missing(sequence, layer));
            count(sequence, layer);
        }
        for (int i = 0; i < missing.size(); i++) {
            fetch(sequences.get(i), layer, missing.get(i));
        }
        for (int i = 0; i < sequences.size(); i++) {
            KvSequence sequence = sequences.get(i);
            if (!sequence.resident()) {
                grow(sequence, layer, tokens[i], layer, false);
                await(sequence, layer);
                sequence.forgetTable(layer);
            }
        }
        prefetch(sequences, layer);
    }

    /** The step's token is stored in the layer. */
    public void endDecode(KvSequence sequence, int layer, int tokens) {
        seal(sequence, layer, tokens);
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
            moving.remove(sequence);
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

    /** Adds blocks until the layer has room for so many tokens. */
    private void grow(KvSequence sequence, int layer, int tokens, int cursor, boolean prefill) {
        int count = KvSequence.Need.blocks(tokens, block) - sequence.count(layer);
        if (count > 0) {
            for (int slot : acquire(sequence, count, cursor, prefill)) {
                KvBlock added = new KvBlock(layer, sequence.count(layer), slot);
                if (host != null && !sequence.resident()) {
                    host.unreserve(1); // from here on its place is set aside for the block
                }
                holders.hold(added, sequence.resident());
                sequence.add(added);
            }
        }
    }

    private void seal(KvSequence sequence, int layer, int tokens) {
        List<KvBlock> full = new ArrayList<>();
        for (int i = Math.min(tokens / block, sequence.count(layer)) - 1; i >= 0; i--) {
            KvBlock next = sequence.block(layer, i);
            if (next.sealed()) {
                break;
            }
            next.seal();
            full.add(next);
        }
        if (!sequence.resident()) {
            save(sequence, full);
        }
    }

    /** Begins to copy full blocks of a moving request to the host, where each has a place set aside. */
    private void save(KvSequence sequence, List<KvBlock> blocks) {
        if (host == null || blocks.isEmpty()) {
            return;
        }
        while (host.free() < blocks.size()) {
            if (prefixes != null) {
                prefixes.giveHostSlots(blocks.size(), null);
            }
            // What is left without an owner is on its way, and free when it has arrived.
            if (host.free() < blocks.size() && !requireTransfers().joinOldest(sequence)) {
                throw new IllegalStateException(blocks.size() + " host slots set aside, " + host.free() + " free");
            }
        }
        requireTransfers().toHost(sequence, blocks);
    }

    /** What a layer reads and is on the host alone. All that it reads stays where it is until the next pass. */
    private List<KvBlock> missing(KvSequence sequence, int layer) {
        List<KvBlock> missing = new ArrayList<>();
        for (int i = 0; i < sequence.count(layer); i++) {
            KvBlock next = sequence.block(layer, i);
            if (sequence.isNeeded(layer, i)) {
                next.neededIn = pass;
                if (next.state() == KvBlock.State.HOST) {
                    missing.add(next);
                }
            }
        }
        return missing;
    }

    private static void count(KvSequence sequence, int layer) {
        for (int i = 0; i < sequence.count(layer) && !sequence.resident(); i++) {
            if (sequence.isNeeded(layer, i)) {
                sequence.blocksNeeded++;
                sequence.blocksHit += sequence.block(layer, i).onDevice() ? 1 : 0;
            }
        }
    }

    /** Begins to fetch blocks, but those that another request has begun to fetch. */
    private void fetch(KvSequence sequence, int layer, List<KvBlock> blocks) {
        List<KvBlock> missing = blocks.stream()
                .filter(next -> next.state() == KvBlock.State.HOST)
                .toList();
        if (!missing.isEmpty()) {
            requireTransfers().toDevice(sequence, missing, acquire(sequence, missing.size(), layer, false));
        }
    }

    /** Lets operations see what a layer reads. */
    private void await(KvSequence sequence, int layer) {
        if (transfers == null) {
            return;
        }
        for (int i = 0; i < sequence.count(layer); i++) {
            KvBlock next = sequence.block(layer, i);
            if (next.state() == KvBlock.State.TO_DEVICE && sequence.isNeeded(layer, i)) {
                transfers.await(next, sequence);
            }
            if (next.state() == KvBlock.State.HOST && sequence.isNeeded(layer, i)) {
                sequence.fail(new TransferException(
                        next + " did not arrive", new IllegalStateException("another request's copy of it failed")));
            }
        }
        sequence.requireWhole();
    }

    /** Fetches for the next layers as long as there are slots that are free or hold something needed later. */
    private void prefetch(List<KvSequence> sequences, int layer) {
        for (KvSequence sequence : sequences) {
            if (sequence.resident()) {
                continue;
            }
            int layers = sequence.layers();
            for (int ahead = 1; ahead <= Math.min(prefetchLayers, layers - 1); ahead++) {
                int target = (layer + ahead) % layers;
                List<KvBlock> missing = new ArrayList<>();
                for (int i = 0; i < sequence.count(target); i++) {
                    KvBlock next = sequence.block(target, i);
                    if (next.state() == KvBlock.State.HOST && sequence.isNeeded(target, i)) {
                        missing.add(next);
                    }
                }
                int room = device.free();
                if (room < missing.size() && prefixes != null) {
                    room += prefixes.giveDeviceSlots(missing.size() - room);
                    room = Math.min(room, device.free());
                }
                if (room < missing.size()) {
                    // Never in place of the target's own blocks, or of something that is needed sooner.
                    room += evict(missing.size() - room, layer, layers - ahead - 1, false);
                }
                int count = Math.min(room, missing.size());
                if (count > 0) {
                    requireTransfers().toDevice(sequence, missing.subList(0, count), device.take(count));
                }
                if (count < missing.size()) {
                    return;
                }
            }
        }
    }

    /**
     * Free slots, made free where necessary.
     *
     * @param cursor the layer that runs; its blocks stay unless this is for a prefill, where the next decode step begins with it
     */
    private int[] acquire(KvSequence forWhom, int count, int cursor, boolean prefill) {
        while (device.free() < count) {
            int missing = count - device.free();
            if (prefixes != null && prefixes.giveDeviceSlots(missing) > 0) {
                continue;
            }
            if (transfers == null || evict(missing, cursor, Integer.MAX_VALUE, prefill) < missing) {
                if (transfers == null || (!transfers.joinOldest(forWhom) && !saveAgain(forWhom))) {
                    throw new IllegalStateException(count + " slots asked for layer " + cursor + ", " + device.free()
                            + " of " + device.slots() + " free and none can be made free");
                }
            }
        }
        return device.take(count);
    }

    /**
     * Copies blocks to the host whose copy has failed, for the one that wants their slots now.
     *
     * @return false if there are none
     */
    private boolean saveAgain(KvSequence forWhom) {
        forWhom.requireWhole();
        List<KvBlock> unsaved = new ArrayList<>();
        for (KvSequence sequence : moving) {
            for (int layer = 0; layer < sequence.layers(); layer++) {
                for (int i = 0; i < sequence.count(layer); i++) {
                    KvBlock next = sequence.block(layer, i);
                    if (next.unmovable() && next.state() == KvBlock.State.DEVICE && !unsaved.contains(next)) {
                        unsaved.add(next);
                    }
                }
            }
        }
        save(forWhom, unsaved);
        return !unsaved.isEmpty();
    }

    /**
     * Drops blocks that the host has too, those needed last first: those that no step reads for now, then those of the layer that ran just before
     * the cursor, and so on backwards.
     *
     * @param layersBack how many layers to go back at most, the cursor's own not counted
     * @return how many were dropped
     */
    private int evict(int count, int cursor, int layersBack, boolean cursorToo) {
        int evicted = 0;
        for (KvSequence sequence : moving) {
            if (sequence.hasIdle()) {
                for (int layer = 0; layer < sequence.layers() && evicted < count; layer++) {
                    evicted += evict(sequence, layer, count - evicted, true);
                }
            }
        }
        for (int back = 1; evicted < count && back <= layersBack; back++) {
            boolean any = false;
            for (KvSequence sequence : moving) {
                if (back < sequence.layers() || (cursorToo && back == sequence.layers())) {
                    any = true;
                    int layer = Math.floorMod(cursor - back, sequence.layers());
                    evicted += evict(sequence, layer, count - evicted, false);
                }
            }
            if (!any) {
                break;
            }
        }
        return evicted;
    }

    private int evict(KvSequence sequence, int layer, int count, boolean idleOnly) {
        int evicted = 0;
        for (int i = sequence.count(layer) - 1; i >= 0 && evicted < count; i--) {
            KvBlock next = sequence.block(layer, i);
            if (next.state() == KvBlock.State.BOTH
                    && next.residents == 0
                    && next.neededIn != pass
                    && !(idleOnly && sequence.isNeeded(layer, i))) {
                holders.evict(next);
                evicted++;
            }
        }
        return evicted;
    }

    private TransferQueue requireTransfers() {
        if (transfers == null) {
            throw new IllegalStateException("a block left the device although there is nothing behind it");
        }
        return transfers;
    }
}
