package io.sliminfer.kv;

import io.sliminfer.backend.Copies;
import io.sliminfer.backend.Fence;
import io.sliminfer.backend.HostPool;
import io.sliminfer.backend.KvPool;
import java.util.Arrays;
import java.util.List;

/**
 * Slots behind the device: those of the first tier (memory) have the lowest numbers, those of the next (a file) follow, and the
 * lowest free one is taken first. Engine thread only.
 */
final class HostTiers {

    private final Copies copies;
    private final KvPool pool;
    private final List<HostPool> tiers;
    private final SlotPool slots;
    /** Used slots of each tier. */
    private final int[] used;

    private int reserved;

    HostTiers(Copies copies, KvPool pool, List<HostPool> tiers) {
        this.copies = copies;
        this.pool = pool;
        this.tiers = List.copyOf(tiers);
        this.used = new int[tiers.size()];
        this.slots = new SlotPool(
                Math.toIntExact(tiers.stream().mapToLong(HostPool::slots).sum()));
    }

    int slots() {
        return slots.slots();
    }

    int used() {
        return slots.used();
    }

    /** Used slots of one tier. */
    int used(int tier) {
        return used[tier];
    }

    int free() {
        return slots.free();
    }

    /** Slots that nobody has reserved; blocks of the prefix cache may lie in reserved ones, and leave when they are needed. */
    int unreserved() {
        return slots.slots() - reserved;
    }

    /** Sets slots aside, so that taking them later cannot fail. */
    void reserve(int count) {
        if (count > unreserved()) {
            throw new IllegalStateException(
                    count + " host slots asked for, " + unreserved() + " of " + slots.slots() + " are not reserved");
        }
        reserved += count;
    }

    void unreserve(int count) {
        reserved -= count;
    }

    int[] take(int count) {
        int[] taken = slots.take(count);
        for (int slot : taken) {
            used[tierOf(slot)]++;
        }
        return taken;
    }

    void release(int slot) {
        slots.release(new int[] {slot});
        used[tierOf(slot)]--;
    }

    private int tierOf(int slot) {
        int tier = 0;
        for (int first = tiers.get(0).slots();
                slot >= first;
                first += tiers.get(tier).slots()) {
            tier++;
        }
        return tier;
    }

    Fence toHost(int[] device, int[] host) {
        return copy(device, host, (tier, from, to) -> copies.toHost(pool, from, tier, to));
    }

    Fence toDevice(int[] host, int[] device) {
        return copy(device, host, (tier, to, from) -> copies.toDevice(pool, to, tier, from));
    }

    private interface Direction {
        Fence copy(HostPool tier, int[] device, int[] host);
    }

    /** One copy for each tier that is involved. */
    private Fence copy(int[] device, int[] host, Direction direction) {
        Fence[] fences = new Fence[tiers.size()];
        int count = 0;
        int first = 0;
        for (HostPool tier : tiers) {
            int[] inDevice = new int[host.length];
            int[] inTier = new int[host.length];
            int n = 0;
            for (int i = 0; i < host.length; i++) {
                if (host[i] >= first && host[i] < first + tier.slots()) {
                    inDevice[n] = device[i];
                    inTier[n++] = host[i] - first;
                }
            }
            if (n > 0) {
                fences[count++] = direction.copy(tier, Arrays.copyOf(inDevice, n), Arrays.copyOf(inTier, n));
            }
            first += tier.slots();
        }
        return count == 1 ? fences[0] : new AllOf(Arrays.copyOf(fences, count));
    }

    /** Done when all are. */
    private record AllOf(Fence[] fences) implements Fence {

        @Override
        public boolean isDone() {
            for (Fence fence : fences) {
                if (!fence.isDone()) {
                    return false;
                }
            }
            return true;
        }

        /** Waits for all, also when one failed: nobody may use their slots before. */
        @Override
        public void join() {
            RuntimeException failure = null;
            for (Fence fence : fences) {
                try {
                    fence.join();
                } catch (RuntimeException e) {
                    failure = e;
                }
            }
            if (failure != null) {
                throw failure;
            }
        }

        @Override
        public long nanos() {
            long nanos = 0;
            for (Fence fence : fences) {
                nanos += fence.nanos();
            }
            return nanos;
        }
    }
}
