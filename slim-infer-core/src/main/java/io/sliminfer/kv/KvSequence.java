package io.sliminfer.kv;

import io.sliminfer.backend.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One request's blocks, layer by layer, and what moving them has cost. Made and changed by {@link KvCacheManager}; engine thread
 * only.
 */
public final class KvSequence {

    /**
     * What a request will need at most, by layer.
     *
     * @param promptTokens tokens of the prompt that are live in each layer
     * @param tokensMax    with those that may be generated
     */
    public record Need(int[] promptTokens, int[] tokensMax) {

        int layers() {
            return promptTokens.length;
        }

        /** Slots of all layers at full length. */
        public long slots(int block) {
            long slots = 0;
            for (int tokens : tokensMax) {
                slots += blocks(tokens, block);
            }
            return slots;
        }

        /**
         * Device slots without which a request cannot run when its blocks may move: one layer at full length, and in every layer the
         * block that generated tokens are written to.
         */
        public long slotsMin(int block) {
            int widest = 0;
            for (int tokens : tokensMax) {
                widest = Math.max(widest, blocks(tokens, block));
            }
            return widest + (long) layers();
        }

        static int blocks(int tokens, int block) {
            return (tokens + block - 1) / block;
        }
    }

    private Need need;
    private final boolean resident;
    private final int blockTokens;
    private final KvBlock[][] blocks;
    private final int[] counts;
    private final int @Nullable [][] tables;
    /** Active prompt blocks of each layer, or null for all. */
    private final boolean[] @Nullable [] active;

    /** Prompt blocks that a layer reads besides, to choose among them. */
    private final boolean[] @Nullable [] scored;

    private final PrefixQuery query;
    /** The path of the prefix cache that its prefill relies on. */
    private final List<PrefixNode> held;

    private final int cachedTokens;
    private int[] hiddenPlaces = {};
    private boolean hasIdle;
    private int total;
    private boolean ended;
    private @Nullable TransferException failure;

    long bytesToHost;
    long bytesToDevice;
    long blocksNeeded;
    long blocksHit;
    int waits;
    long waitedNanos;
    long copyingNanos;

    /**
     * @param held blocks of earlier prompts that it begins with
     */
    KvSequence(Need need, boolean resident, int block, PrefixQuery query, List<PrefixNode> held) {
        this.query = query;
        this.held = new ArrayList<>(held);
        this.cachedTokens = held.size() * block;
        this.need = need;
        this.blockTokens = block;
        this.resident = resident;
        this.blocks = new KvBlock[need.layers()][];
        this.counts = new int[need.layers()];
        this.active = new boolean[need.layers()][];
        this.scored = new boolean[need.layers()][];
        this.tables = new int[need.layers()][];
        for (int layer = 0; layer < blocks.length; layer++) {
            blocks[layer] = new KvBlock[Need.blocks(need.tokensMax()[layer], block)];
        }
    }

    Need need() {
        return need;
    }

    int layers() {
        return blocks.length;
    }

    PrefixQuery query() {
        return query;
    }

    List<PrefixNode> held() {
        return held;
    }

    /** Tokens at the front of the prompt that are there already, in all layers up to the first that prunes. */
    public int cachedTokens() {
        return cachedTokens;
    }

    /** Blocks of those tokens. */
    int cachedBlocks() {
        return cachedTokens / blockTokens;
    }

    /** Places that were set aside for hidden rows, until they are stored. */
    int[] hiddenPlaces() {
        return hiddenPlaces;
    }

    void hiddenPlaces(int[] places) {
        hiddenPlaces = places;
    }

    /** Whether all its blocks stay on the device as long as it runs. */
    public boolean resident() {
        return resident;
    }

    /** Blocks of the layer that exist so far. */
    int count(int layer) {
        return counts[layer];
    }

    KvBlock block(int layer, int index) {
        return blocks[layer][index];
    }

    void add(KvBlock block) {
        blocks[block.layer()][counts[block.layer()]++] = block;
        total++;
    }

    /**
     * Takes over a smaller need.
     *
     * @return blocks that are beyond it, which the sequence does not have any more
     * @throws IllegalStateException if a layer would need more than before, or has stored its prompt and would need less
     */
    List<KvBlock> shrink(Need less) {
        for (int layer = 0; layer < blocks.length; layer++) {
            int fewer = need.promptTokens()[layer] - less.promptTokens()[layer];
            if (fewer < 0 || less.tokensMax()[layer] > need.tokensMax()[layer]) {
                throw new IllegalStateException(this + " was to shrink and needs more in layer " + layer);
            }
            if (fewer > 0 && counts[layer] > 0 && blocks[layer][0].sealed()) {
                throw new IllegalStateException(this + " was to shrink in layer " + layer + ", which is stored");
            }
        }
        List<KvBlock> beyond = new ArrayList<>();
        for (int layer = 0; layer < blocks.length; layer++) {
            int count = Need.blocks(less.tokensMax()[layer], blockTokens);
            if (count < blocks[layer].length) {
                beyond.addAll(Arrays.asList(blocks[layer]).subList(Math.min(count, counts[layer]), counts[layer]));
                blocks[layer] = Arrays.copyOf(blocks[layer], count);
                counts[layer] = Math.min(counts[layer], count);
                tables[layer] = null;
            }
        }
        total -= beyond.size();
        need = less;
        return beyond;
    }

    /** Blocks of all layers that exist so far. */
    int total() {
        return total;
    }

    /** Whether the layer's next step reads the block. */
    boolean isNeeded(int layer, int index) {
        boolean[] of = active[layer];
        boolean[] also = scored[layer];
        return of == null || index >= of.length || of[index] || (also != null && also[index]);
    }

    /** Whether the next step leaves any block out. */
    boolean hasIdle() {
        return hasIdle;
    }

    void activate(int layer, int[] indexes) {
        // What is behind the prompt's blocks is always read.
        active[layer] = promptBlocks(layer, indexes);
        hasIdle = true;
    }

    void score(int layer, int[] indexes) {
        scored[layer] = promptBlocks(layer, indexes);
    }

    private boolean[] promptBlocks(int layer, int[] indexes) {
        boolean[] of = new boolean[Need.blocks(need.promptTokens()[layer], blockTokens)];
        for (int index : indexes) {
            of[index] = true;
        }
        return of;
    }

    void end() {
        if (ended) {
            throw new IllegalStateException(this + " ended twice");
        }
        ended = true;
    }

    /**
     * Device slots of the layer's blocks in order, {@link KvBlock#NONE} for one that is elsewhere. A resident request has its blocks
     * for tokens to come already, and, once its layer has begun, always the same array.
     */
    public int[] table(int layer) {
        int[] table = tables[layer];
        if (table == null) {
            table = new int[counts[layer]];
            for (int i = 0; i < table.length; i++) {
                table[i] = blocks[layer][i].deviceSlot();
            }
            tables[layer] = table;
        }
        return table;
    }

    /** Blocks of the layer have come or gone. */
    void forgetTable(int layer) {
        if (!resident) {
            tables[layer] = null;
        }
    }

    void fail(TransferException e) {
        if (failure == null) {
            failure = e;
        }
    }

    /**
     * @throws TransferException if a copy of one of its blocks has failed
     */
    void requireWhole() {
        if (failure != null) {
            throw failure;
        }
    }

    boolean failed() {
        return failure != null;
    }

    /** Counts so far. */
    public KvTransfers transfers() {
        return new KvTransfers(
                bytesToHost,
                bytesToDevice,
                blocksNeeded,
                blocksHit,
                waits,
                Duration.ofNanos(waitedNanos),
                Duration.ofNanos(copyingNanos));
    }

    /** For messages about broken invariants: never content. */
    @Override
    public String toString() {
        return "sequence of " + Arrays.toString(counts) + " blocks by layer" + (resident ? ", resident" : "");
    }
}
