package io.sliminfer.kv;

import org.jspecify.annotations.Nullable;

/**
 * One block of tokens in one layer, where its bytes are and who uses it. It is on the device, on the host or on both; a copy under
 * way never takes away the side that it copies from. A block of a common prefix has several users: it is sealed, and never written
 * to. Every change of state is checked. Changed by {@link BlockHolders} and {@link TransferQueue}; engine thread only.
 */
final class KvBlock {

    /** Where the bytes are. */
    enum State {
        /** On the device alone: new, or still written to. */
        DEVICE,
        /** On the device; the copy to the host is under way. */
        TO_HOST,
        /** On both, and no longer written to. */
        BOTH,
        /** On the host alone. */
        HOST,
        /** On the host; the copy to the device is under way. */
        TO_DEVICE,
        /** Nowhere: nobody uses it any more. */
        FREED
    }

    static final int NONE = -1;

    private final int layer;
    private final int index;
    private State state = State.DEVICE;
    private int deviceSlot;
    private int hostSlot = NONE;
    private @Nullable Transfer transfer;
    private boolean sealed;
    private boolean unmovable;

    /** Running requests that keep it on the device. */
    int residents;
    /** Running requests whose blocks move. */
    int movers;
    /** Whether a node of the prefix cache holds it. */
    boolean cached;
    /** The last pass of a layer that reads it where it is, see {@link KvCacheManager}. */
    long neededIn;

    /**
     * @param index place in its sequences' tables of the layer
     */
    KvBlock(int layer, int index, int deviceSlot) {
        this.layer = layer;
        this.index = index;
        this.deviceSlot = deviceSlot;
    }

    int layer() {
        return layer;
    }

    int index() {
        return index;
    }

    State state() {
        return state;
    }

    /** The slot that operations may read, or {@link #NONE}. */
    int deviceSlot() {
        return deviceSlot;
    }

    int hostSlot() {
        return hostSlot;
    }

    /** The copy under way, or null. */
    @Nullable
    Transfer transfer() {
        return transfer;
    }

    /** Whether all its tokens are stored, so that it is never written to again. */
    boolean sealed() {
        return sealed;
    }

    void seal() {
        sealed = true;
    }

    /** Whether a running request uses it. */
    boolean used() {
        return residents + movers > 0;
    }

    /** Whether the last copy of it to the host has failed. */
    boolean unmovable() {
        return unmovable;
    }

    boolean onDevice() {
        return state == State.DEVICE || state == State.TO_HOST || state == State.BOTH;
    }

    boolean inFlight() {
        return state == State.TO_HOST || state == State.TO_DEVICE;
    }

    void startToHost(int slot, Transfer copy) {
        require(State.DEVICE, "copy to the host");
        if (!sealed) {
            throw new IllegalStateException(this + " is still written to and cannot be copied to the host");
        }
        hostSlot = slot;
        transfer = copy;
        state = State.TO_HOST;
    }

    void startToDevice(int slot, Transfer copy) {
        require(State.HOST, "copy to the device");
        deviceSlot = slot;
        transfer = copy;
        state = State.TO_DEVICE;
    }

    void arrived() {
        if (!inFlight()) {
            throw new IllegalStateException(this + " has no copy under way");
        }
        state = State.BOTH;
        transfer = null;
        unmovable = false;
    }

    /**
     * The copy failed: the block is where it was before.
     *
     * @return the slot that the copy would have filled
     */
    int failed() {
        transfer = null;
        if (state == State.TO_HOST) {
            int slot = hostSlot;
            hostSlot = NONE;
            state = State.DEVICE;
            unmovable = true;
            return slot;
        }
        require(State.TO_DEVICE, "end a copy");
        int slot = deviceSlot;
        deviceSlot = NONE;
        state = State.HOST;
        return slot;
    }

    /** Leaves the device; the host has it. Returns the slot that is free now. */
    int evict() {
        require(State.BOTH, "leave the device");
        int slot = deviceSlot;
        deviceSlot = NONE;
        state = State.HOST;
        return slot;
    }

    /** Gives up its copy on the host. Returns the host slot that is free now. */
    int leaveHost() {
        require(State.BOTH, "leave the host");
        int slot = hostSlot;
        hostSlot = NONE;
        state = State.DEVICE;
        return slot;
    }

    /** Nobody uses it and no copy is under way. */
    void free() {
        if (inFlight() || state == State.FREED || used() || cached) {
            throw new IllegalStateException(this + " cannot be freed");
        }
        state = State.FREED;
    }

    private void require(State expected, String what) {
        if (state != expected) {
            throw new IllegalStateException(this + " cannot " + what + ": only a block in state " + expected + " can");
        }
    }

    @Override
    public String toString() {
        return "block " + index + " of layer " + layer + " (" + state + ", device slot " + deviceSlot + ", host slot "
                + hostSlot + ")";
    }
}
