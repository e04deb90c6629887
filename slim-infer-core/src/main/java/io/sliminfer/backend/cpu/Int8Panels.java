package io.sliminfer.backend.cpu;

import io.sliminfer.format.ChannelQuantiser;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * What quantising and packing a weight gave, or an earlier start had given.
 *
 * @param panels   in order; empty where a cache knows that {@link #losesTooMuch}
 * @param loss     of quantising
 * @param mappings keep the file mapped that the panels are in; empty where they are in memory
 */
record Int8Panels(List<Int8Weight.Panel> panels, ChannelQuantiser.Loss loss, List<ByteBuffer> mappings) {

    /** Whether the weight had better stay as it is. */
    boolean losesTooMuch() {
        return loss.relative() > ChannelQuantiser.LOSS_MAX;
    }
}
