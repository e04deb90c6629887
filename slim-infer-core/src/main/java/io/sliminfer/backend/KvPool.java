package io.sliminfer.backend;

import io.sliminfer.format.DType;

/**
 * KV memory of a device: slots of equal size. A slot holds keys and values of one block of tokens in one layer, in a layout
 * that only its backend knows.
 */
public interface KvPool {

    int slots();

    /** Tokens in a slot. */
    int block();

    DType dtype();

    /** Bytes of one slot, keys and values. */
    long slotBytes();
}
