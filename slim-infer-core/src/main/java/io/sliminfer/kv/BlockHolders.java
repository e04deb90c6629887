package io.sliminfer.kv;

import org.jspecify.annotations.Nullable;

/**
 * Who holds each block: running requests, the prefix cache, or both. A block that nobody holds gives its slots back as soon as no copy
 * uses it. Two sums follow: device slots that cannot be taken away because a resident request holds their blocks, and device
 * slots that can, because only the prefix cache does. Engine thread only; {@link #cachedSlots} may be read by others.
 */
final class BlockHolders {

    private final SlotPool device;
    private final @Nullable HostTiers host;
    private long pinned;
    private volatile int cachedSlots;

    BlockHolders(SlotPool device, @Nullable HostTiers host) {
        this.device = device;
        this.host = host;
    }

    /** Blocks of resident requests, one that several share counted once. */
    long pinned() {
        return pinned;
    }

    /** Device slots of blocks that only the prefix cache holds. */
    int cachedSlots() {
        return cachedSlots;
    }

    /** Whether only the prefix cache holds it. */
    static boolean onlyCached(KvBlock block) {
        return block.cached && !block.used();
    }

    /**
     * A running request uses the block from here on.
     *
     * @param resident whether the block must stay on the device for it; otherwise it has a place on the host set aside
     */
    void hold(KvBlock block, boolean resident) {
        if (onlyCached(block) && block.deviceSlot() != KvBlock.NONE) {
            cachedSlots--;
        }
        if (resident) {
            pinned += block.residents++ == 0 ? 1 : 0;
        } else if (block.movers++ == 0 && host != null) {
            host.reserve(1);
        }
    }

    /** A running request is over. */
    void letGo(KvBlock block, boolean resident) {
        if (resident) {
            pinned -= --block.residents == 0 ? 1 : 0;
        } else if (--block.movers == 0 && host != null) {
            host.unreserve(1);
        }
        if (block.residents < 0 || block.movers < 0) {
            throw new IllegalStateException(block + " was let go twice");
        }
        if (onlyCached(block) && block.deviceSlot() != KvBlock.NONE) {
            cachedSlots++;
        }
        tidy(block);
    }

    /** The prefix cache holds a block of a running request. */
    void cache(KvBlock block) {
        if (!block.used() || !block.sealed() || block.cached) {
            throw new IllegalStateException(block + " cannot be shared: it must be in use, full, and not shared yet");
        }
        block.cached = true;
    }

    /** The prefix cache drops a block. */
    void uncache(KvBlock block) {
        if (onlyCached(block) && block.deviceSlot() != KvBlock.NONE) {
            cachedSlots--;
        }
        block.cached = false;
        tidy(block);
    }

    /** Takes a block that the host has from the device. */
    void evict(KvBlock block) {
        device.release(new int[] {block.evict()});
        if (onlyCached(block)) {
            cachedSlots--;
        }
    }

    /** Takes the host's copy of a block that the device has. */
    void leaveHost(KvBlock block) {
        requireHost().release(block.leaveHost());
    }

    void arrived(KvBlock block) {
        block.arrived();
        tidy(block);
    }

    void failed(KvBlock block, boolean toHost) {
        if (toHost) {
            requireHost().release(block.failed());
        } else {
            device.release(new int[] {block.failed()});
            if (onlyCached(block)) {
                cachedSlots--;
            }
        }
        tidy(block);
    }

    /** Frees what is not needed any more: both sides of a block without holders, the host's side of one that stays on the device. */
    private void tidy(KvBlock block) {
        if (block.inFlight() || block.cached) {
            return;
        }
        if (!block.used()) {
            if (block.deviceSlot() != KvBlock.NONE) {
                device.release(new int[] {block.deviceSlot()});
            }
            if (block.hostSlot() != KvBlock.NONE) {
                requireHost().release(block.hostSlot());
            }
            block.free();
        } else if (block.movers == 0 && block.state() == KvBlock.State.BOTH) {
            leaveHost(block);
        }
    }

    private HostTiers requireHost() {
        if (host == null) {
            throw new IllegalStateException("a block is on the host although there is none");
        }
        return host;
    }
}
