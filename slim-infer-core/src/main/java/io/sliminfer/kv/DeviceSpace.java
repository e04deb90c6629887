package io.sliminfer.kv;

import io.sliminfer.backend.TransferException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What lies in the device's slots: makes blocks, writes them back, fetches those that a layer reads and makes room for them. First go
 * blocks that only the prefix cache holds, then those of moving requests that are needed last. What the latest pass of a layer reads
 * stays where it is. Engine thread only.
 */
final class DeviceSpace {

    private final int block;
    private final SlotPool device;
    private final @Nullable HostTiers host;
    private final BlockHolders holders;
    private final @Nullable TransferQueue transfers;
    private final @Nullable PrefixCache prefixes;
    private final int prefetchLayers;
    /** Requests whose blocks may leave the device, oldest first. */
    private final List<KvSequence> moving = new ArrayList<>();
    /** Passes of a layer so far; what the latest one reads is not evicted. */
    private long pass;

    DeviceSpace(
            int block,
            SlotPool device,
            @Nullable HostTiers host,
            BlockHolders holders,
            @Nullable TransferQueue transfers,
            @Nullable PrefixCache prefixes,
            int prefetchLayers) {
        this.block = block;
        this.device = device;
        this.host = host;
        this.holders = holders;
        this.transfers = transfers;
        this.prefixes = prefixes;
        this.prefetchLayers = prefetchLayers;
    }

    /** A moving request begins. */
    void add(KvSequence sequence) {
        moving.add(sequence);
    }

    void remove(KvSequence sequence) {
        moving.remove(sequence);
    }

    /** Another pass of a layer begins, so that what the last one read may go. */
    void nextPass() {
        pass++;
    }

    /** Adds blocks until the layer has room for so many tokens. */
    void grow(KvSequence sequence, int layer, int tokens, int cursor, boolean prefill) {
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

    void seal(KvSequence sequence, int layer, int tokens) {
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
    void save(KvSequence sequence, List<KvBlock> blocks) {
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
    List<KvBlock> missing(KvSequence sequence, int layer) {
        for (int i = 0; i < sequence.count(layer); i++) {
            if (sequence.isNeeded(layer, i)) {
                sequence.block(layer, i).neededIn = pass;
            }
        }
        return onHost(sequence, layer);
    }

    private static List<KvBlock> onHost(KvSequence sequence, int layer) {
        List<KvBlock> blocks = new ArrayList<>();
        for (int i = 0; i < sequence.count(layer); i++) {
            KvBlock next = sequence.block(layer, i);
            if (next.state() == KvBlock.State.HOST && sequence.isNeeded(layer, i)) {
                blocks.add(next);
            }
        }
        return blocks;
    }

    static void count(KvSequence sequence, int layer) {
        for (int i = 0; i < sequence.count(layer) && !sequence.resident(); i++) {
            if (sequence.isNeeded(layer, i)) {
                sequence.blocksNeeded++;
                sequence.blocksHit += sequence.block(layer, i).onDevice() ? 1 : 0;
            }
        }
    }

    /** Begins to fetch blocks, but those that another request has begun to fetch. */
    void fetch(KvSequence sequence, int layer, List<KvBlock> blocks, boolean prefill) {
        List<KvBlock> missing = blocks.stream()
                .filter(next -> next.state() == KvBlock.State.HOST)
                .toList();
        if (!missing.isEmpty()) {
            requireTransfers().toDevice(sequence, missing, acquire(sequence, missing.size(), layer, prefill));
        }
    }

    /** Lets operations see what a layer reads. */
    void await(KvSequence sequence, int layer) {
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
    void prefetch(List<KvSequence> sequences, int layer) {
        for (KvSequence sequence : sequences) {
            if (sequence.resident()) {
                continue;
            }
            int layers = sequence.layers();
            for (int ahead = 1; ahead <= Math.min(prefetchLayers, layers - 1); ahead++) {
                int target = (layer + ahead) % layers;
                List<KvBlock> missing = onHost(sequence, target);
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
     * Drops blocks that the host has too, those needed last first: those that the next step leaves out, then those of the layer
     * that ran just before the cursor, and so on backwards.
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
