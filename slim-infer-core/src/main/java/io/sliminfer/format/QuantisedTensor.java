package io.sliminfer.format;

import java.nio.ByteBuffer;

/** A tensor in blocks of GGUF, for devices that keep it so. */
public interface QuantisedTensor extends DecodedTensor {

    /** What its blocks are; also one that is not quantised where rows are put in order. */
    GgufType type();

    /**
     * Puts the blocks of rows {@code from} (inclusive) to {@code to} (exclusive) into a buffer, at its position, as the file has them:
     * a row has {@code columns / type().blockElements() * type().blockBytes()} bytes. No page of the file's mapping is touched. Any thread.
     *
     * @param into a direct buffer with room for the rows
     */
    void copyBlocks(long from, long to, ByteBuffer into);

    /** Bytes of a row in the file. */
    default long blockRowBytes() {
        return columns() / type().blockElements() * type().blockBytes();
    }
}
