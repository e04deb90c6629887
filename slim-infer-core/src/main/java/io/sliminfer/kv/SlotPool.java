package io.sliminfer.kv;

import java.util.BitSet;

/**
 * Free and used slots of one device. Neighbouring slots are given out together where possible, because a run of them is one
 * matrix to a product. Engine thread only; {@link #used} may be read by others.
 */
public final class SlotPool {

    private final int slots;
    private final BitSet taken;
    private volatile int used;

    public SlotPool(int slots) {
        this.slots = slots;
        this.taken = new BitSet(slots);
    }

    public int slots() {
        return slots;
    }

    public int used() {
        return used;
    }

    public int free() {
        return slots - used;
    }

    /**
     * Takes {@code count} slots: the lowest run of neighbours that is long enough, else the lowest free ones.
     *
     * @throws IllegalStateException if fewer are free; ask {@link #free} first
     */
    public int[] take(int count) {
        if (count > free()) {
            throw new IllegalStateException(count + " slots asked for, " + free() + " of " + slots + " free");
        }
        int[] taking = new int[count];
        int run = firstRun(count);
        int next = Math.max(run, 0);
        for (int i = 0; i < count; i++) {
            next = taken.nextClearBit(next);
            taking[i] = next;
            taken.set(next);
        }
        used = used + count;
        return taking;
    }

    private int firstRun(int count) {
        for (int from = taken.nextClearBit(0); from + count <= slots; ) {
            int end = taken.nextSetBit(from);
            if (end < 0 || end - from >= count) {
                return from;
            }
            from = taken.nextClearBit(end);
        }
        return -1;
    }

    /**
     * Gives slots back.
     *
     * @throws IllegalStateException naming a slot that was not taken
     */
    public void release(int[] given) {
        for (int slot : given) {
            if (!taken.get(slot)) {
                throw new IllegalStateException("slot " + slot + " freed twice");
            }
            taken.clear(slot);
        }
        used = used - given.length;
    }
}
