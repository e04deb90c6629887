package io.sliminfer.kv;

import io.sliminfer.backend.Fence;
import io.sliminfer.backend.TransferException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Copies under way. A block changes its state when its copy was seen to have ended, here and nowhere else; a failed copy leaves the
 * block where it was and is noted at its request. Engine thread only.
 */
final class TransferQueue {

    private final HostTiers host;
    private final SlotPool device;
    private final BlockHolders holders;
    private final long slotBytes;
    private final Consumer<Fence> await;
    private final Deque<Transfer> underWay = new ArrayDeque<>();

    /**
     * @param await lets later operations see what a copy brought
     */
    TransferQueue(HostTiers host, SlotPool device, BlockHolders holders, long slotBytes, Consumer<Fence> await) {
        this.host = host;
        this.device = device;
        this.holders = holders;
        this.slotBytes = slotBytes;
        this.await = await;
    }

    /**
     * Copies blocks that only the prefix cache holds to the host, and waits for the end. A block that could not be copied says so
     * afterwards.
     */
    void toHostNow(List<KvBlock> blocks) {
        Transfer transfer = toHost(null, blocks);
        underWay.remove(transfer);
        settle(transfer);
    }

    /** Begins to copy sealed blocks from the device into free host slots. */
    Transfer toHost(@Nullable KvSequence sequence, List<KvBlock> blocks) {
        int[] slots = host.take(blocks.size());
        Fence fence;
        try {
            fence = host.toHost(deviceSlots(blocks), slots);
        } catch (RuntimeException e) {
            for (int slot : slots) {
                host.release(slot);
            }
            throw e;
        }
        Transfer transfer = new Transfer(sequence, blocks, true, fence);
        for (int i = 0; i < slots.length; i++) {
            blocks.get(i).startToHost(slots[i], transfer);
        }
        if (sequence != null) {
            sequence.bytesToHost += slotBytes * slots.length;
        }
        underWay.add(transfer);
        return transfer;
    }

    /** Begins to copy blocks from the host into given device slots. */
    void toDevice(KvSequence sequence, List<KvBlock> blocks, int[] slots) {
        int[] hostSlots = blocks.stream().mapToInt(KvBlock::hostSlot).toArray();
        Fence fence;
        try {
            fence = host.toDevice(hostSlots, slots);
        } catch (RuntimeException e) {
            device.release(slots);
            throw e;
        }
        Transfer transfer = new Transfer(sequence, blocks, false, fence);
        for (int i = 0; i < slots.length; i++) {
            blocks.get(i).startToDevice(slots[i], transfer);
        }
        sequence.bytesToDevice += slotBytes * slots.length;
        underWay.add(transfer);
    }

    private static int[] deviceSlots(List<KvBlock> blocks) {
        return blocks.stream().mapToInt(KvBlock::deviceSlot).toArray();
    }

    /** Takes note of all copies that have ended. Never waits. */
    void poll() {
        for (Iterator<Transfer> it = underWay.iterator(); it.hasNext(); ) {
            Transfer transfer = it.next();
            if (transfer.fence().isDone()) {
                it.remove();
                settle(transfer);
            }
        }
    }

    /** Lets a request's operations from here on see the block; waits where the device cannot do that itself. */
    void await(KvBlock block, KvSequence sequence) {
        Transfer transfer = block.transfer();
        if (transfer == null) {
            return;
        }
        long start = System.nanoTime();
        boolean waits = !transfer.fence().isDone();
        try {
            await.accept(transfer.fence());
        } catch (TransferException e) {
            sequence.fail(e);
        }
        if (waits) {
            sequence.waits++;
            sequence.waitedNanos += System.nanoTime() - start;
        }
        if (transfer.fence().isDone() && underWay.remove(transfer)) {
            settle(transfer);
        }
    }

    /**
     * Waits for the copy that began first.
     *
     * @return false if none is under way
     */
    boolean joinOldest(KvSequence forWhom) {
        Transfer oldest = underWay.poll();
        if (oldest == null) {
            return false;
        }
        long start = System.nanoTime();
        boolean waits = !oldest.fence().isDone();
        settle(oldest);
        if (waits) {
            forWhom.waits++;
            forWhom.waitedNanos += System.nanoTime() - start;
        }
        return true;
    }

    /** Waits for all. */
    void joinAll() {
        for (Transfer next = underWay.poll(); next != null; next = underWay.poll()) {
            settle(next);
        }
    }

    private void settle(Transfer transfer) {
        KvSequence sequence = transfer.sequence();
        try {
            transfer.fence().join();
            transfer.blocks().forEach(holders::arrived);
        } catch (TransferException e) {
            transfer.blocks().forEach(block -> holders.failed(block, transfer.toHost()));
            if (sequence != null) {
                sequence.fail(e);
            }
        }
        if (sequence != null && !transfer.toHost()) {
            sequence.copyingNanos += transfer.fence().nanos();
        }
    }
}
