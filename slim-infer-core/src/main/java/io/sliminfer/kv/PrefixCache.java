package io.sliminfer.kv;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Blocks of earlier prompts, found by the longest common prefix of whole blocks: a tree whose paths are prompts. It keeps what
 * is exact whatever follows, layers up to the first that prunes (docs/kv-cache.md). The block that was used longest ago goes first, and
 * no block before those that follow it. Engine thread only.
 */
final class PrefixCache {

    private final int block;
    private final BlockHolders holders;
    private final @Nullable HostTiers host;
    private final @Nullable TransferQueue transfers;
    private final SlotPool hidden;
    private final PrefixNode root = PrefixNode.root();
    /** Least recently used first; a block always before the one that it follows. */
    private final LinkedHashSet<PrefixNode> byUse = new LinkedHashSet<>();

    /**
     * @param block       tokens in a block
     * @param hiddenSlots blocks whose hidden rows have a place
     */
    PrefixCache(
            int block,
            int hiddenSlots,
            BlockHolders holders,
            @Nullable HostTiers host,
            @Nullable TransferQueue transfers) {
        this.block = block;
        this.hidden = new SlotPool(hiddenSlots);
        this.holders = holders;
        this.host = host;
        this.transfers = transfers;
    }

    /** All blocks, least recently used first. */
    Iterable<PrefixNode> nodes() {
        return byUse;
    }

    int hiddenSlotsUsed() {
        return hidden.used();
    }

    /** The longest path that serves a prompt. */
    List<PrefixNode> find(PrefixQuery query) {
        List<PrefixNode> path = new ArrayList<>();
        PrefixNode last = root;
        for (int from = 0; from + block <= query.tokensMax(); from += block) {
            PrefixNode next = last.child(query.prompt(), from, block);
            if (next == null || !next.serves(query)) {
                break;
            }
            path.add(next);
            last = next;
        }
        return path;
    }

    /** A prefill relies on the path from here on. */
    void hold(List<PrefixNode> path) {
        path.forEach(node -> node.holders++);
        touch(path);
    }

    void letGo(List<PrefixNode> path) {
        path.forEach(node -> node.holders--);
    }

    private void touch(List<PrefixNode> path) {
        for (int i = path.size() - 1; i >= 0; i--) {
            byUse.remove(path.get(i));
            byUse.add(path.get(i));
        }
    }

    /**
     * Finds places for hidden rows of a prompt's full blocks behind those that it took, in place of what was used longest ago. Blocks that
     * are there already are held with the others.
     *
     * @param held the path that the prefill holds; grows
     * @return for each full block behind it a place, or -1 if its rows need not be kept
     */
    int[] takeHidden(PrefixQuery query, List<PrefixNode> held) {
        int first = held.size();
        int[] places = new int[query.prompt().length / block - first];
        Arrays.fill(places, PrefixNode.NONE);
        List<PrefixNode> more = new ArrayList<>();
        PrefixNode next = first == 0 ? root : held.get(first - 1);
        for (int i = 0; i < places.length && next != null; i++) {
            next = next.child(query.prompt(), (first + i) * block, block);
            if (next != null) {
                more.add(next);
            }
        }
        more.forEach(node -> node.holders++);
        held.addAll(more);
        touch(held);
        for (int i = 0; i < places.length; i++) {
            PrefixNode there = i < more.size() ? more.get(i) : null;
            if (there != null && there.serves(query)) {
                continue;
            }
            // Rows of another layer are replaced, unless another prefill relies on them.
            boolean relied = there != null && there.hiddenSlot != PrefixNode.NONE && there.holders > 1;
            if (relied || !takeHidden(places, i)) {
                break;
            }
        }
        return places;
    }

    private boolean takeHidden(int[] places, int i) {
        if (hidden.free() == 0) {
            dropHidden();
        }
        if (hidden.free() == 0) {
            return false;
        }
        places[i] = hidden.take(1)[0];
        return true;
    }

    /** Drops the block with hidden rows that was used longest ago. */
    private void dropHidden() {
        for (PrefixNode node : byUse) {
            if (node.holders == 0 && node.hiddenSlot != PrefixNode.NONE) {
                drop(node);
                return;
            }
        }
    }

    /** Gives places back that were not used. */
    void giveHidden(int[] places) {
        for (int place : places) {
            if (place != PrefixNode.NONE) {
                hidden.release(new int[] {place});
            }
        }
    }

    /**
     * Leaves a prompt's full blocks to later ones.
     *
     * @param firstPlace the block that the first place belongs to
     * @param places     where hidden rows were stored, as {@link #takeHidden} gave them; -1 afterwards where they are in use
     */
    void add(PrefixQuery query, KvSequence sequence, int firstPlace, int[] places) {
        List<PrefixNode> path = new ArrayList<>();
        PrefixNode last = root;
        for (int i = 0; (i + 1) * block <= query.prompt().length; i++) {
            int place = i < firstPlace ? PrefixNode.NONE : takePlace(places, i - firstPlace);
            PrefixNode next = last.child(query.prompt(), i * block, block);
            if (place == PrefixNode.NONE && query.hiddenLayer() != PrefixQuery.DENSE) {
                if (next == null || next.hiddenLayer != query.hiddenLayer()) {
                    break; // no prompt could use what follows
                }
            }
            if (next == null) {
                next = last.addChild(query.prompt(), i * block, block);
            }
            addLayers(next, query.layers(), sequence, i);
            if (place != PrefixNode.NONE) {
                setHidden(next, query.hiddenLayer(), place);
            }
            path.add(next);
            last = next;
        }
        touch(path);
    }

    private static int takePlace(int[] places, int i) {
        if (i >= places.length) {
            return PrefixNode.NONE;
        }
        int place = places[i];
        places[i] = PrefixNode.NONE;
        return place;
    }

    private void addLayers(PrefixNode node, int layers, KvSequence sequence, int index) {
        int had = node.blocks.length;
        if (had < layers) {
            node.blocks = Arrays.copyOf(node.blocks, layers);
            for (int layer = had; layer < layers; layer++) {
                node.blocks[layer] = sequence.block(layer, index);
                holders.cache(node.blocks[layer]);
            }
        }
    }

    /** The newest schedule's rows stay: two schedules that take turns prune at different layers for a while. */
    private void setHidden(PrefixNode node, int layer, int place) {
        if (node.hiddenSlot != PrefixNode.NONE) {
            hidden.release(new int[] {node.hiddenSlot});
        }
        node.hiddenSlot = place;
        node.hiddenLayer = layer;
    }

    /**
     * Gives device slots up that no running request uses: to the host if it has room, otherwise for good.
     *
     * @return how many are free now; 0 if there is none to give
     */
    int giveDeviceSlots(int count) {
        if (holders.cachedSlots() == 0) {
            return 0;
        }
        int before = holders.cachedSlots();
        for (PrefixNode node : List.copyOf(byUse)) {
            if (before - holders.cachedSlots() >= count) {
                break;
            }
            if (!isDropped(node)) {
                leaveDevice(node);
            }
        }
        return before - holders.cachedSlots();
    }

    private boolean isDropped(PrefixNode node) {
        return !byUse.contains(node);
    }

    private void leaveDevice(PrefixNode node) {
        List<KvBlock> unsaved = new ArrayList<>();
        boolean movable = transfers != null;
        for (KvBlock next : node.blocks) {
            if (BlockHolders.onlyCached(next) && next.state() == KvBlock.State.DEVICE) {
                unsaved.add(next);
                movable &= !next.unmovable();
            }
        }
        if (!unsaved.isEmpty()) {
            if (transfers == null || !movable || !makeHostRoom(unsaved.size(), node)) {
                discard(node);
                return;
            }
            transfers.toHostNow(unsaved);
            if (unsaved.stream().anyMatch(KvBlock::unmovable)) {
                discard(node);
                return;
            }
        }
        for (KvBlock next : node.blocks) {
            if (BlockHolders.onlyCached(next) && next.state() == KvBlock.State.BOTH) {
                holders.evict(next);
            }
        }
    }

    /** Frees host slots, but drops nothing that was used later than {@code forWhom}, nor that itself. */
    private boolean makeHostRoom(int count, PrefixNode forWhom) {
        giveHostSlots(count, forWhom);
        return host != null && host.free() >= count;
    }

    /**
     * Gives host slots up that no moving request needs, until so many are free or nothing is left to give.
     *
     * @param before gives nothing up that was used later, if not null
     */
    void giveHostSlots(int count, @Nullable PrefixNode before) {
        if (host == null || host.free() >= count) {
            return;
        }
        for (PrefixNode node : List.copyOf(byUse)) {
            if (node == before || host.free() >= count) {
                return;
            }
            if (!isDropped(node)) {
                leaveHost(node);
            }
        }
    }

    private void leaveHost(PrefixNode node) {
        boolean alone = false;
        for (KvBlock next : node.blocks) {
            if (next.movers == 0 && next.state() == KvBlock.State.BOTH) {
                holders.leaveHost(next);
            }
            alone |= BlockHolders.onlyCached(next) && next.state() == KvBlock.State.HOST;
        }
        if (alone) {
            discard(node);
        }
    }

    /** Drops a block; one that a prefill relies on keeps its place and its hidden rows, which the prefill needs. */
    private void discard(PrefixNode node) {
        if (node.holders == 0) {
            drop(node);
            return;
        }
        KvBlock[] blocks = node.blocks;
        node.blocks = new KvBlock[0];
        for (KvBlock next : blocks) {
            holders.uncache(next);
        }
    }

    /** Drops a block and what follows it; blocks of running requests stay theirs. */
    private void drop(PrefixNode node) {
        for (PrefixNode child : List.copyOf(node.children())) {
            drop(child);
        }
        if (node.holders > 0) {
            throw new IllegalStateException(node + " was to be dropped");
        }
        node.unlink();
        byUse.remove(node);
        if (node.hiddenSlot != PrefixNode.NONE) {
            hidden.release(new int[] {node.hiddenSlot});
        }
        for (KvBlock next : node.blocks) {
            holders.uncache(next);
        }
    }
}
