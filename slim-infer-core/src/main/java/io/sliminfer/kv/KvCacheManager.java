package io.sliminfer.kv;

import io.sliminfer.backend.Copies;
import io.sliminfer.backend.Fence;
import io.sliminfer.backend.HostPool;
import io.sliminfer.backend.KvPool;
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

    private final int block;
    private final long slotBytes;
    private final SlotPool device;
    private final @Nullable HostTiers host;
    private final @Nullable TransferQueue transfers;
    private final int prefetchLayers;
    /** Requests whose blocks may leave the device, oldest first. */
    private final List<KvSequence> moving = new ArrayList<>();
    /** Device slots that running requests may count on. */
    private long committed;

    /**
     * @param block          tokens in a slot
     * @param host           what lies behind the device, or null: then a request runs only if all its blocks fit
     * @param prefetchLayers how many layers ahead blocks are fetched; 0 fetches a block when its layer runs
     * @param await          lets operations enqueued from then on see what a copy brought
     */
    KvCacheManager(
            SlotPool device,
            int block,
            long slotBytes,
            @Nullable HostTiers host,
            int prefetchLayers,
            Consumer<Fence> await) {
        this.device = device;
        this.block = block;
        this.slotBytes = slotBytes;
        this.host = host;
        this.prefetchLayers = prefetchLayers;
        this.transfers = host == null ? null : new TransferQueue(host, device, slotBytes, await, this::freeSettled);
    }

    /**
     * For a device with nothing behind it.
     *
     * @param block tokens in a slot
     */
    public static KvCacheManager of(int slots, int block, long slotBytes) {
        return new KvCacheManager(new SlotPool(slots), block, slotBytes, null, 0, Fence::join);
    }

    /**
     * For a device with host memory, a file or both behind it.
     *
     * @param tiers          faster ones first
     * @param prefetchLayers how many layers ahead blocks are fetched; 0 fetches a block when its layer runs
     * @param await          lets operations enqueued from then on see what a copy brought
     */
    public static KvCacheManager of(
            KvPool pool, Copies copies, List<HostPool> tiers, int prefetchLayers, Consumer<Fence> await) {
        return new KvCacheManager(
                new SlotPool(pool.slots()),
                pool.block(),
                pool.slotBytes(),
                new HostTiers(copies, pool, tiers),
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

    /**
     * Sets memory aside for a request.
     *
     * @return null if it must wait until others end
     */
    public @Nullable KvSequence tryAdmit(KvSequence.Need need) {
        poll();
        long slots = need.slots(block);
        if (committed + slots <= device.slots()) {
            KvSequence sequence = new KvSequence(need, true, block);
            committed += slots;
            fill(sequence);
            return sequence;
        }
        long slotsMin = need.slotsMin(block);
        if (host != null && committed + slotsMin <= device.slots() && slots <= host.unreserved()) {
            committed += slotsMin;
            host.reserve((int) slots);
            KvSequence sequence = new KvSequence(need, false, block);
            moving.add(sequence);
            return sequence;
        }
        return null;
    }

    /** Makes all blocks of a resident request, neighbours as far as possible. */
    private void fill(KvSequence sequence) {
        int[] slots = acquire(sequence, (int) sequence.need().slots(block), 0, true);
        int next = 0;
        for (int layer = 0; layer < sequence.layers(); layer++) {
            int count = KvSequence.Need.blocks(sequence.need().tokensMax()[layer], block);
            for (int i = 0; i < count; i++) {
                sequence.add(new KvBlock(layer, i, slots[next++]));
            }
        }
    }

    /**
     * Makes room for all prompt tokens of a layer, which a prefill is about to store: its table has their slots now.
     *
     * @throws io.sliminfer.backend.TransferException if a copy of the request's has failed
     */
    public void beginPrefill(KvSequence sequence, int layer) {
        poll();
        sequence.requireWhole();
        grow(sequence, layer, sequence.need().promptTokens()[layer], 0, true);
        sequence.forgetTable(layer);
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
        for (KvSequence sequence : sequences) {
            sequence.requireWhole();
            fetch(sequence, layer);
        }
        for (int i = 0; i < sequences.size(); i++) {
            grow(sequences.get(i), layer, tokens[i], layer, false);
            await(sequences.get(i), layer);
            sequences.get(i).forgetTable(layer);
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
        committed -= sequence.resident()
                ? sequence.need().slots(block)
                : sequence.need().slotsMin(block);
        freeSettled(sequence);
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
                sequence.add(new KvBlock(layer, sequence.count(layer), slot));
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
        if (transfers != null && !sequence.resident() && !full.isEmpty()) {
            transfers.toHost(sequence, full);
        }
    }

    /** Begins to fetch what a layer reads and is not on the device. */
    private void fetch(KvSequence sequence, int layer) {
        if (sequence.resident()) {
            return;
        }
        List<KvBlock> missing = new ArrayList<>();
        for (int i = 0; i < sequence.count(layer); i++) {
            KvBlock next = sequence.block(layer, i);
            if (sequence.isNeeded(layer, i)) {
                if (next.state() == KvBlock.State.HOST) {
                    missing.add(next);
                }
                sequence.blocksNeeded++;
                sequence.blocksHit += next.onDevice() ? 1 : 0;
            }
        }
        if (!missing.isEmpty()) {
            requireTransfers().toDevice(sequence, missing, acquire(sequence, missing.size(), layer, false));
        }
    }

    private void await(KvSequence sequence, int layer) {
        if (sequence.resident()) {
            return;
        }
        for (int i = 0; i < sequence.count(layer); i++) {
            KvBlock next = sequence.block(layer, i);
            if (next.state() == KvBlock.State.TO_DEVICE && sequence.isNeeded(layer, i)) {
                requireTransfers().await(next);
                sequence.requireWhole();
            }
        }
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
            if (transfers == null || evict(missing, cursor, Integer.MAX_VALUE, prefill) < missing) {
                if (transfers == null || !transfers.joinOldest(forWhom)) {
                    throw new IllegalStateException(count + " slots asked for layer " + cursor + ", " + device.free()
                            + " of " + device.slots() + " free and none can be made free");
                }
            }
        }
        return device.take(count);
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
            if (next.state() == KvBlock.State.BOTH && !(idleOnly && sequence.isNeeded(layer, i))) {
                device.release(new int[] {next.evict()});
                evicted++;
            }
        }
        return evicted;
    }

    /** Frees the blocks of a request that is over, but those that a copy still uses. */
    private void freeSettled(KvSequence sequence) {
        if (sequence.freeSettled(device, host)) {
            moving.remove(sequence);
            if (host != null && !sequence.resident()) {
                host.unreserve((int) sequence.need().slots(block));
            }
        }
    }

    private TransferQueue requireTransfers() {
        if (transfers == null) {
            throw new IllegalStateException("a block left the device although there is nothing behind it");
        }
        return transfers;
    }
}
