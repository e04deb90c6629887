package io.sliminfer.kv;

import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One full block of prompt tokens whose predecessors are the path from the root: what was computed for it and depends on nothing
 * behind it. Engine thread only.
 */
final class PrefixNode {

    static final int NONE = -1;

    /** Ids of one block; compared in full, so that two blocks of the same hash are told apart. */
    private record BlockIds(int[] ids) {

        @Override
        public boolean equals(Object other) {
            return other instanceof BlockIds that && Arrays.equals(ids, that.ids);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(ids);
        }
    }

    private final @Nullable PrefixNode parent;
    private final BlockIds ids;
    private final Map<BlockIds, PrefixNode> children = new HashMap<>();

    /** Its keys and values in layers 0.. */
    KvBlock[] blocks = {};
    /** The layer after whose attention its hidden rows were kept, or {@link #NONE}. */
    int hiddenLayer = NONE;

    int hiddenSlot = NONE;
    /** Prefills that rely on it. */
    int holders;

    private PrefixNode(@Nullable PrefixNode parent, BlockIds ids) {
        this.parent = parent;
        this.ids = ids;
    }

    static PrefixNode root() {
        return new PrefixNode(null, new BlockIds(new int[0]));
    }

    /** What follows this block, or null; the block's ids are {@code prompt[from .. from + block)}. */
    @Nullable
    PrefixNode child(int[] prompt, int from, int block) {
        return children.get(new BlockIds(Arrays.copyOfRange(prompt, from, from + block)));
    }

    PrefixNode addChild(int[] prompt, int from, int block) {
        BlockIds of = new BlockIds(Arrays.copyOfRange(prompt, from, from + block));
        PrefixNode child = new PrefixNode(this, of);
        if (children.put(of, child) != null) {
            throw new IllegalStateException("a prefix block was added twice");
        }
        return child;
    }

    Collection<PrefixNode> children() {
        return children.values();
    }

    /** Takes it from its parent, so that no prompt finds it any more. */
    void unlink() {
        if (parent == null || !parent.children.remove(ids, this)) {
            throw new IllegalStateException("a prefix block was dropped twice");
        }
    }

    /** Whether a prompt can use it. */
    boolean serves(PrefixQuery query) {
        return blocks.length >= query.layers()
                && (query.hiddenLayer() == PrefixQuery.DENSE || hiddenLayer == query.hiddenLayer());
    }

    @Override
    public String toString() {
        return "prefix block of " + blocks.length + " layers, hidden rows of layer " + hiddenLayer + ", held by "
                + holders;
    }
}
