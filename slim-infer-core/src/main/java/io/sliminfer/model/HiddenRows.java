package io.sliminfer.model;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.Ops;
import io.sliminfer.backend.Tensor;
import io.sliminfer.format.DType;

/**
 * Hidden states of earlier prompts after the attention of the layer that prunes first, in places of one KV block each. With keys and
 * values of the layers up to there, they are all that a prompt with the same beginning needs of it. Engine thread only.
 */
public final class HiddenRows {

    private final Ops ops;
    private final int block;
    private final Tensor rows;

    /**
     * @param slots places, at least 1
     * @param block tokens in a place
     */
    public HiddenRows(Backend backend, int hidden, int slots, int block) {
        this.ops = backend.ops();
        this.block = block;
        this.rows = backend.allocate("hidden states of prefixes", DType.F32, (long) slots * block, hidden);
    }

    /** Bytes of one place. */
    public static long slotBytes(int hidden, int block) {
        return 4L * hidden * block;
    }

    /** Copies places, one after the other, into the first rows of the residual stream. */
    void load(Tensor x, int[] slots) {
        for (int i = 0; i < slots.length; i++) {
            ops.copy(x.rows((long) i * block, (i + 1L) * block), place(slots[i]));
        }
    }

    /**
     * Copies blocks of the residual stream, from row {@code first} on, into places.
     *
     * @param slots one for each block; -1 for a block that is not wanted
     */
    void save(Tensor x, int first, int[] slots) {
        for (int i = 0; i < slots.length; i++) {
            if (slots[i] >= 0) {
                long from = first + (long) i * block;
                ops.copy(place(slots[i]), x.rows(from, from + block));
            }
        }
    }

    private Tensor place(int slot) {
        return rows.rows((long) slot * block, (slot + 1L) * block);
    }
}
