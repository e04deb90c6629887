package io.sliminfer.kv;

import io.sliminfer.backend.Fence;
import java.util.ArrayList;
import java.util.Arrays;
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
        this.host = host;
        this.prefetchLayers = prefetchLayers;
        this.transfers = host == null ? null : new TransferQueue(host, device, slotBytes, await, this::freeSettled);
    }

    /** Tokens in a slot. */
    public int block() {
        return block;
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
        long slots = need.slots(block);
        if (committed + slots <= device.slots()) {
            KvSequence sequence = new KvSequence(need, true, block);
            committed += slots;
            sequence.reserve(acquire(sequence, (int) slots, 0, true));
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

    /**
     * Slots for all prompt tokens of a layer, which a prefill is about to store.
     *
     * @throws io.sliminfer.backend.TransferException if a copy of the request's has failed
     */
    public int[] beginPrefill(KvSequence sequence, int layer) {
        poll();
        sequence.requireWhole();
        int count = KvSequence.Need.blocks(sequence.need().promptTokens()[layer], block);
        addBlocks(sequence, layer, count, 0, true);
        return sequence.table(layer, count);
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

    /**
     * Brings what a layer reads in a decode step to the device, and begins to fetch what the next layers read.
     *
     * @param tokens tokens of each sequence in this layer, the one that is about to be stored included
     * @return for each sequence the device slots of its active blocks in order
     * @throws io.sliminfer.backend.TransferException if a copy has failed; {@link #failed} tells whose
     */
    public List<int[]> beginDecode(List<KvSequence> sequences, int layer, int[] tokens) {
        poll();
        for (KvSequence sequence : sequences) {
            sequence.requireWhole();
            fetch(sequence, layer, layer, true);
        }
        List<int[]> tables = new ArrayList<>(sequences.size());
        for (int i = 0; i < sequences.size(); i++) {
            KvSequence sequence = sequences.get(i);
            int count = KvSequence.Need.blocks(tokens[i], block);
            addBlocks(sequence, layer, count - sequence.count(layer), layer, false);
            tables.add(awaited(sequence, layer, count));
        }
        prefetch(sequences, layer);
        return tables;
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
        device.release(sequence.unusedSlots());
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

    private void addBlocks(KvSequence sequence, int layer, int count, int cursor, boolean prefill) {
        if (count <= 0) {
            return;
        }
        int[] slots = sequence.resident() ? sequence.takeReserved(count) : acquire(sequence, count, cursor, prefill);
        for (int slot : slots) {
            sequence.add(new KvBlock(layer, sequence.count(layer), slot));
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
    private void fetch(KvSequence sequence, int layer, int cursor, boolean count) {
        if (sequence.resident()) {
            return;
        }
        List<KvBlock> missing = new ArrayList<>();
        for (int i = 0; i < sequence.count(layer); i++) {
            KvBlock next = sequence.block(layer, i);
            if (sequence.isActive(layer, i)) {
                if (next.state() == KvBlock.State.HOST) {
                    missing.add(next);
                }
                if (count) {
                    sequence.blocksNeeded++;
                    sequence.blocksHit += next.onDevice() ? 1 : 0;
                }
            }
        }
        if (!missing.isEmpty()) {
            requireTransfers().toDevice(sequence, missing, acquire(sequence, missing.size(), cursor, false));
        }
    }

    private int[] awaited(KvSequence sequence, int layer, int count) {
        if (sequence.resident() && !sequence.hasInactive()) {
            return sequence.table(layer, count);
        }
        int[] table = new int[count];
        int active = 0;
        for (int i = 0; i < count; i++) {
            if (sequence.isActive(layer, i)) {
                KvBlock next = sequence.block(layer, i);
                if (next.state() == KvBlock.State.TO_DEVICE) {
                    requireTransfers().await(next);
                    sequence.requireWhole();
                }
                table[active++] = next.deviceSlot();
            }
        }
        return active == count ? table : Arrays.copyOf(table, active);
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
                    if (next.state() == KvBlock.State.HOST && sequence.isActive(target, i)) {
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
     * Drops blocks that the host has too, those needed last first: inactive ones, then those of the layer that ran just before
     * the cursor, and so on backwards.
     *
     * @param layersBack how many layers to go back at most, the cursor's own not counted
     * @return how many were dropped
     */
    private int evict(int count, int cursor, int layersBack, boolean cursorToo) {
        int evicted = 0;
        for (KvSequence sequence : moving) {
            if (sequence.hasInactive()) {
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

    private int evict(KvSequence sequence, int layer, int count, boolean inactiveOnly) {
        int evicted = 0;
        for (int i = sequence.count(layer) - 1; i >= 0 && evicted < count; i--) {
            KvBlock next = sequence.block(layer, i);
            if (next.state() == KvBlock.State.BOTH && !(inactiveOnly && sequence.isActive(layer, i))) {
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
