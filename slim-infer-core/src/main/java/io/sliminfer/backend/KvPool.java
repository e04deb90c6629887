package io.sliminfer.backend;

/**
 * KV memory of a device: slots of equal size. A slot holds keys and values of one block of tokens in one layer, in a layout
 * that only its backend knows.
 */
public interface KvPool {

    int slots();

    /** Tokens in a slot. */
    int block();

    KvType type();

    /** Bytes of one slot: keys, values and the type's scales. */
    long slotBytes();
}
